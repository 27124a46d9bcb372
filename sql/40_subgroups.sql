-- Alignment group by group, the worst group and the spread. Small groups are flagged, never dropped; groups that were
-- not simulated are listed.

CREATE OR REPLACE VIEW subgroups AS
SELECT * FROM item_metrics WHERE family = 'subgroups';

COMMENT ON VIEW subgroups IS 'Distance between panel and reference within every declared subgroup; item_id NULL is the mean over the asked items.';
COMMENT ON COLUMN subgroups.metric IS 'per level, ${METRICS:divergence}; per attribute, ${METRICS:subgroups}; the level of worst_group_js_distance is that group''s';
COMMENT ON COLUMN subgroups.reason IS 'small_n where people or simulated respondents behind the figure are worth fewer of equal weight than the study''s small_group (30 by default); not simulated where the panel lacks the group';
