-- Who acts against what their belief implies, among those whose belief implies an action.

CREATE OR REPLACE VIEW belief_action AS
WITH groupings AS (
    SELECT study_id, study_hash, 'all' AS attribute, 'all' AS level FROM studies
    UNION ALL
    SELECT study_id, study_hash, attribute, level FROM levels WHERE attribute <> 'all'
),
judged AS (
    SELECT
        x.panel_id, x.part, x.pair_id, x.attribute, x.level,
        sum(x.n)::BIGINT AS n,
        ratio(sum(x.w) FILTER (x.action_code <> m.action_code), sum(x.w)) AS gap,
        sum(x.w) AS w
    FROM sample_crosstabs AS x
    JOIN implications AS m USING (study_id, study_hash, pair_id, belief_code)
    GROUP BY ALL
),
answered AS (
    SELECT panel_id, part, attribute, level, pair_id, sum(n) AS n FROM sample_crosstabs GROUP BY ALL
)
SELECT
    c.study_id, c.panel_id, c.reference_id, p.pair_id, p.belief, p.action, d.attribute, d.level,
    CASE WHEN h.w > 0 THEN coalesce(h.gap, 0) END AS belief_action_gap_h,
    CASE WHEN s.w > 0 THEN coalesce(s.gap, 0) END AS belief_action_gap_s,
    coalesce(h.n, 0) AS n_h,
    coalesce(s.n, 0) AS n_s,
    c.small_group,
    CASE
        WHEN h_all.n IS NULL THEN 'no answers in the reference'
        WHEN h.n IS NULL THEN 'no belief of the reference implies an action'
        WHEN h.w = 0 THEN 'weights sum to zero'
    END AS reason_h,
    CASE
        WHEN s_all.n IS NULL THEN 'not simulated'
        WHEN s.n IS NULL THEN 'no belief of the panel implies an action'
        WHEN s.w = 0 THEN 'weights sum to zero'
    END AS reason_s
FROM comparisons AS c
JOIN pairs AS p USING (study_id, study_hash)
JOIN groupings AS d USING (study_id, study_hash)
LEFT JOIN judged AS h
    ON h.panel_id = c.reference_id AND h.part = part_of(c.reference_split) AND h.pair_id = p.pair_id
    AND h.attribute = d.attribute AND h.level = d.level
LEFT JOIN judged AS s
    ON s.panel_id = c.panel_id AND s.part = 'all' AND s.pair_id = p.pair_id
    AND s.attribute = d.attribute AND s.level = d.level
LEFT JOIN answered AS h_all
    ON h_all.panel_id = c.reference_id AND h_all.part = part_of(c.reference_split) AND h_all.pair_id = p.pair_id
    AND h_all.attribute = d.attribute AND h_all.level = d.level
LEFT JOIN answered AS s_all
    ON s_all.panel_id = c.panel_id AND s_all.part = 'all' AND s_all.pair_id = p.pair_id
    AND s_all.attribute = d.attribute AND s_all.level = d.level;

COMMENT ON VIEW belief_action IS 'Weighted share acting against the belief, per declared pair and subgroup, people (h) beside panel (s).';
COMMENT ON COLUMN belief_action.n_h IS 'people whose belief implies an action';
