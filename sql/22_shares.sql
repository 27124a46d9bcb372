-- The answer distributions of both sides on the declared grid: an option that nobody chose has share 0.

CREATE OR REPLACE VIEW shares AS
WITH counts AS (
    SELECT panel_id, part, item_id, attribute, level, code, sum(n)::BIGINT AS n, sum(w) AS w, sum(w2) AS w2
    FROM sample_cells
    WHERE on_grid
    GROUP BY ALL
),
grid AS (
    SELECT
        study_id, study_hash, item_id, code, label, position, value,
        lead(value) OVER (PARTITION BY study_id, study_hash, item_id ORDER BY position) - value AS step
    FROM options
    WHERE NOT missing
)
SELECT
    g.study_id, g.study_hash, g.panel_id, g.reference_id, g.item_id, g.attribute, g.level,
    o.code, o.label, o.position, o.value, o.step,
    coalesce(h.n, 0) AS n_h, coalesce(h.w, 0) AS w_h, coalesce(h.w2, 0) AS w2_h,
    coalesce(s.n, 0) AS n_s, coalesce(s.w, 0) AS w_s, coalesce(s.w2, 0) AS w2_s,
    ratio(coalesce(h.w, 0), g.grid_w_h) AS p,
    ratio(coalesce(s.w, 0), g.grid_w_s) AS q,
    ratio(sum(coalesce(h.w, 0)) OVER upto, g.grid_w_h) AS p_cumulative,
    ratio(sum(coalesce(s.w, 0)) OVER upto, g.grid_w_s) AS q_cumulative,
    g.options, g.grid_n_h, g.grid_n_s, g.grid_w_h, g.grid_w_s, g.grid_w2_h, g.grid_w2_s
FROM item_groups AS g
JOIN comparisons AS c ON c.panel_id = g.panel_id
JOIN grid AS o ON o.study_id = g.study_id AND o.study_hash = g.study_hash AND o.item_id = g.item_id
LEFT JOIN counts AS h
    ON h.panel_id = g.reference_id
    AND h.part = part_of(c.reference_split)
    AND h.item_id = g.item_id
    AND h.attribute = g.attribute
    AND h.level = g.level
    AND h.code = o.code
LEFT JOIN counts AS s
    ON s.panel_id = g.panel_id
    AND s.part = 'all'
    AND s.item_id = g.item_id
    AND s.attribute = g.attribute
    AND s.level = g.level
    AND s.code = o.code
WINDOW upto AS (
    PARTITION BY g.panel_id, g.item_id, g.attribute, g.level ORDER BY o.position ROWS UNBOUNDED PRECEDING
);

COMMENT ON VIEW shares IS 'One row a compared panel, item, subgroup and declared option: how many people (h) and simulated respondents (s) chose it.';
COMMENT ON COLUMN shares.p IS 'weighted share of the reference; NULL where nobody there answered';
COMMENT ON COLUMN shares.q IS 'weighted share of the compared panel; NULL where nobody there answered, as in a subgroup not simulated';
COMMENT ON COLUMN shares.p_cumulative IS 'share of the reference up to this option, in declared order';
COMMENT ON COLUMN shares.q_cumulative IS 'share of the compared panel up to this option, in declared order';
COMMENT ON COLUMN shares.step IS 'distance to the next option''s value';
COMMENT ON COLUMN shares.grid_n_h IS 'people who chose any option; grid_w_h and grid_w2_h are sums of their weights and squared weights';
