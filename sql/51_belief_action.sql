-- Who acts against what their belief implies, among those whose belief implies an action.

CREATE OR REPLACE VIEW belief_action AS
WITH judged AS (
    SELECT
        x.panel_id, x.part, x.pair_id, x.attribute, x.level,
        sum(x.n)::BIGINT AS n,
        ratio(sum(x.w) FILTER (x.action_code <> m.action_code), sum(x.w)) AS gap,
        sum(x.w) AS w,
        effective_n(sum(x.w), sum(x.w2)) AS effective
    FROM sample_crosstabs AS x
    JOIN implications AS m USING (study_id, study_hash, pair_id, belief_code)
    GROUP BY ALL
)
SELECT
    g.study_id, g.panel_id, g.reference_id, g.pair_id, g.belief, g.action, g.attribute, g.level,
    CASE WHEN h.w > 0 THEN coalesce(h.gap, 0) END AS belief_action_gap_h,
    CASE WHEN s.w > 0 THEN coalesce(s.gap, 0) END AS belief_action_gap_s,
    coalesce(h.n, 0) AS n_h,
    coalesce(s.n, 0) AS n_s,
    coalesce(h.effective, 0) AS effective_h,
    coalesce(s.effective, 0) AS effective_s,
    g.small_group,
    CASE
        WHEN g.n_h = 0 THEN g.absent_h
        WHEN h.n IS NULL THEN 'no belief of the reference implies an action'
        WHEN h.w = 0 THEN 'weights sum to zero'
    END AS reason_h,
    CASE
        WHEN g.n_s = 0 THEN g.absent_s
        WHEN s.n IS NULL THEN 'no belief of the panel implies an action'
        WHEN s.w = 0 THEN 'weights sum to zero'
    END AS reason_s
FROM pair_groups AS g
LEFT JOIN judged AS h
    ON h.panel_id = g.reference_id AND h.part = g.reference_part AND h.pair_id = g.pair_id
    AND h.attribute = g.attribute AND h.level = g.level
LEFT JOIN judged AS s
    ON s.panel_id = g.panel_id AND s.part = 'all' AND s.pair_id = g.pair_id
    AND s.attribute = g.attribute AND s.level = g.level;

COMMENT ON VIEW belief_action IS 'Weighted share acting against the belief, per declared pair and subgroup, people (h) beside panel (s).';
COMMENT ON COLUMN belief_action.n_h IS 'people whose belief implies an action';
