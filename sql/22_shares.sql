-- The answer distributions of both sides on the declared grid: an option that nobody chose has share 0.

CREATE OR REPLACE VIEW shares AS
WITH counts AS (
    SELECT panel_id, part, item_id, attribute, level, code, sum(n)::BIGINT AS n, sum(w) AS w, sum(w2) AS w2
    FROM sample_cells
    WHERE NOT missing AND code IS NOT NULL
    GROUP BY ALL
),
grid AS (
    SELECT
        g.study_id, g.study_hash, g.panel_id, g.reference_id, g.item_id, g.attribute, g.level,
        o.code, o.label, o.position, o.value,
        coalesce(h.n, 0) AS n_h, coalesce(h.w, 0) AS w_h, coalesce(h.w2, 0) AS w2_h,
        coalesce(s.n, 0) AS n_s, coalesce(s.w, 0) AS w_s, coalesce(s.w2, 0) AS w2_s
    FROM item_groups AS g
    JOIN comparisons AS c ON c.panel_id = g.panel_id
    JOIN options AS o ON o.study_id = g.study_id AND o.study_hash = g.study_hash AND o.item_id = g.item_id AND NOT o.missing
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
)
SELECT
    study_id, study_hash, panel_id, reference_id, item_id, attribute, level, code, label, position, value,
    lead(value) OVER upto - value AS step,
    n_h, w_h, w2_h, n_s, w_s, w2_s,
    w_h / nullif(sum(w_h) OVER whole, 0) AS p,
    w_s / nullif(sum(w_s) OVER whole, 0) AS q,
    sum(w_h) OVER upto / nullif(sum(w_h) OVER whole, 0) AS p_cumulative,
    sum(w_s) OVER upto / nullif(sum(w_s) OVER whole, 0) AS q_cumulative
FROM grid
WINDOW
    whole AS (PARTITION BY panel_id, item_id, attribute, level),
    upto AS (PARTITION BY panel_id, item_id, attribute, level ORDER BY position ROWS UNBOUNDED PRECEDING);

COMMENT ON VIEW shares IS 'One row a compared panel, item, subgroup and declared option: how many people (h) and simulated respondents (s) chose it.';
COMMENT ON COLUMN shares.p IS 'weighted share of the reference; NULL where nobody there answered';
COMMENT ON COLUMN shares.q IS 'weighted share of the compared panel; NULL where nobody there answered, as in a subgroup not simulated';
COMMENT ON COLUMN shares.p_cumulative IS 'share of the reference up to this option, in declared order';
COMMENT ON COLUMN shares.step IS 'distance to the next option''s value';
