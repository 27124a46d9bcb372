-- Alignment group by group, the worst group and the spread. Persona items and arms are given to a respondent, not
-- answered, so they are left out. Small groups are flagged, never dropped; groups that were not simulated are listed.

CREATE OR REPLACE VIEW subgroups AS
WITH answered AS (
    SELECT
        *,
        unnest([
            {'metric': 'js_distance', 'estimate': js_distance, 'reason': reason_categorical},
            {'metric': 'total_variation', 'estimate': total_variation, 'reason': reason_categorical},
            {'metric': 'wasserstein_norm', 'estimate': wasserstein_norm, 'reason': coalesce(reason_ordered, reason_range)}
        ]) AS figure
    FROM cell_statistics
    WHERE attribute <> 'all' AND role NOT IN ('persona', 'arm')
),
per_item AS (
    SELECT
        study_id, panel_id, reference_id, figure.metric AS metric, item_id, asked, attribute, level, level_position,
        figure.estimate AS estimate, n_h, n_s, people_h, people_s,
        CASE WHEN figure.estimate IS NULL THEN figure.reason WHEN n_h < small_group() THEN 'small_n' END AS reason
    FROM answered
),
means AS (
    SELECT
        study_id, panel_id, reference_id, metric, attribute, level, level_position,
        avg(estimate ORDER BY item_id) AS estimate,
        coalesce(min(n_h) FILTER (estimate IS NOT NULL), 0) AS n_h,
        coalesce(min(n_s) FILTER (estimate IS NOT NULL), 0) AS n_s,
        CASE
            WHEN max(people_h) = 0 THEN 'no answers in the reference'
            WHEN max(people_s) = 0 THEN 'not simulated'
            WHEN min(n_h) FILTER (estimate IS NOT NULL) < small_group() THEN 'small_n'
            ELSE mean_reason(count(estimate), count(*))
        END AS reason
    FROM per_item
    WHERE asked
    GROUP BY ALL
),
levelled AS (
    SELECT study_id, panel_id, reference_id, metric, item_id, attribute, level, level_position, estimate, n_h, n_s, reason
    FROM per_item
    UNION ALL
    SELECT study_id, panel_id, reference_id, metric, NULL, attribute, level, level_position, estimate, n_h, n_s, reason
    FROM means
),
extremes AS (
    SELECT
        study_id, panel_id, reference_id, item_id, attribute,
        count(estimate) AS defined,
        count(*) AS groups,
        -- Ties go to the level declared first.
        first({'level': level, 'estimate': estimate, 'n_h': n_h, 'n_s': n_s, 'reason': reason}
            ORDER BY estimate DESC NULLS LAST, level_position, level) AS worst,
        max(estimate) - min(estimate) AS spread,
        min(n_h) FILTER (estimate IS NOT NULL) AS fewest_h,
        min(n_s) FILTER (estimate IS NOT NULL) AS fewest_s
    FROM levelled
    WHERE metric = 'js_distance'
    GROUP BY ALL
)
SELECT
    study_id, panel_id, reference_id, 'subgroups' AS family, metric,
    item_id, NULL::VARCHAR AS item_id_2, attribute, level, NULL::VARCHAR AS term,
    estimate, n_h, n_s, reason
FROM levelled
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'subgroups', 'worst_group_js_distance',
    item_id, NULL, attribute, CASE WHEN defined > 0 THEN worst.level ELSE 'all' END, NULL,
    worst.estimate, worst.n_h, worst.n_s,
    CASE
        WHEN defined > 0 AND worst.n_h < small_group() THEN 'small_n'
        WHEN defined > 0 AND defined < groups THEN 'worst of ' || defined || ' of ' || groups || ' groups'
        WHEN defined = 0 THEN worst.reason
    END
FROM extremes
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'subgroups', 'spread_js_distance',
    item_id, NULL, attribute, 'all', NULL,
    CASE WHEN defined > 1 THEN spread END, coalesce(fewest_h, 0), coalesce(fewest_s, 0),
    CASE
        WHEN defined = 0 THEN worst.reason
        WHEN defined = 1 THEN 'a single group is defined'
        WHEN fewest_h < small_group() THEN 'small_n'
        WHEN defined < groups THEN 'spread of ' || defined || ' of ' || groups || ' groups'
    END
FROM extremes;

COMMENT ON VIEW subgroups IS 'Distance between panel and reference within every declared subgroup; item_id NULL is the mean over the asked items.';
COMMENT ON COLUMN subgroups.metric IS 'js_distance, total_variation, wasserstein_norm per level; worst_group_js_distance (level: that group''s) and spread_js_distance (max - min) per attribute';
COMMENT ON COLUMN subgroups.reason IS 'small_n where fewer than 30 people stand behind the figure; not simulated where the panel lacks the group';
