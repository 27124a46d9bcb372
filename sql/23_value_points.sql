-- The distributions of ordinal and interval items on their values. Interval items stand on the raw values that
-- anybody gave, not on bins: distances between distributions need no grid.

CREATE OR REPLACE VIEW value_points AS
WITH sides AS (
    SELECT c.study_id, c.study_hash, c.panel_id, x.item_id, x.attribute, x.level, x.value, x.w AS w_h, 0.0 AS w_s
    FROM comparisons AS c
    JOIN sample_cells AS x ON x.panel_id = c.reference_id AND x.part = part_of(c.reference_split)
    WHERE NOT x.missing AND x.value IS NOT NULL
    UNION ALL
    SELECT c.study_id, c.study_hash, c.panel_id, x.item_id, x.attribute, x.level, x.value, 0.0, x.w
    FROM comparisons AS c
    JOIN sample_cells AS x ON x.panel_id = c.panel_id AND x.part = 'all'
    WHERE NOT x.missing AND x.value IS NOT NULL
),
points AS (
    SELECT d.panel_id, d.item_id, d.attribute, d.level, d.value, sum(d.w_h) AS w_h, sum(d.w_s) AS w_s
    FROM sides AS d
    JOIN items AS i USING (study_id, study_hash, item_id)
    WHERE i.scale <> 'nominal'
    GROUP BY ALL
)
SELECT
    panel_id, item_id, attribute, level, value,
    coalesce(lead(value) OVER upto - value, 0) AS step,
    w_h, w_s,
    w_h / nullif(sum(w_h) OVER whole, 0) AS p,
    w_s / nullif(sum(w_s) OVER whole, 0) AS q,
    sum(w_h) OVER upto / nullif(sum(w_h) OVER whole, 0) AS p_cumulative,
    sum(w_s) OVER upto / nullif(sum(w_s) OVER whole, 0) AS q_cumulative,
    sum(w_h * value) OVER whole / nullif(sum(w_h) OVER whole, 0) AS mean_h,
    sum(w_s * value) OVER whole / nullif(sum(w_s) OVER whole, 0) AS mean_s
FROM points
WINDOW
    whole AS (PARTITION BY panel_id, item_id, attribute, level),
    upto AS (PARTITION BY panel_id, item_id, attribute, level ORDER BY value ROWS UNBOUNDED PRECEDING);

COMMENT ON VIEW value_points IS 'One row a compared panel, ordinal or interval item, subgroup and value that either side gave.';
COMMENT ON COLUMN value_points.step IS 'distance to the next value; 0 at the last';
COMMENT ON COLUMN value_points.mean_h IS 'mean of the reference in this subgroup, repeated on every row';
