-- The frame of every metric: each compared panel x item x subgroup that the study declares, answered or not.

CREATE OR REPLACE VIEW item_groups AS
WITH grids AS (
    SELECT study_id, study_hash, item_id, count(*) AS options, min(value) AS low, max(value) AS high
    FROM options
    WHERE NOT missing
    GROUP BY ALL
),
totals AS (
    SELECT
        panel_id,
        part,
        item_id,
        attribute,
        level,
        sum(n)::BIGINT AS people,
        coalesce(sum(n) FILTER (NOT missing), 0)::BIGINT AS n,
        sum(w) AS w_people,
        coalesce(sum(w) FILTER (NOT missing), 0) AS w,
        effective_n(sum(w) FILTER (NOT missing), sum(w2) FILTER (NOT missing)) AS effective,
        coalesce(sum(n) FILTER (on_grid), 0)::BIGINT AS grid_n,
        coalesce(sum(w) FILTER (on_grid), 0) AS grid_w,
        coalesce(sum(w2) FILTER (on_grid), 0) AS grid_w2
    FROM sample_cells
    GROUP BY ALL
)
SELECT
    c.study_id,
    c.study_hash,
    c.panel_id,
    c.reference_id,
    i.item_id,
    i.position,
    i.scale,
    i.role,
    i.asked,
    coalesce(i.low, g.low) AS low,
    coalesce(i.high, g.high) AS high,
    coalesce(g.options, 0) AS options,
    d.attribute,
    d.level,
    d.level_position,
    c.small_group,
    coalesce(h.people, 0) AS people_h,
    coalesce(s.people, 0) AS people_s,
    coalesce(h.n, 0) AS n_h,
    coalesce(s.n, 0) AS n_s,
    coalesce(h.effective, 0) AS effective_h,
    coalesce(s.effective, 0) AS effective_s,
    coalesce(h.grid_n, 0) AS grid_n_h,
    coalesce(s.grid_n, 0) AS grid_n_s,
    coalesce(h.grid_w, 0) AS grid_w_h,
    coalesce(s.grid_w, 0) AS grid_w_s,
    coalesce(h.grid_w2, 0) AS grid_w2_h,
    coalesce(s.grid_w2, 0) AS grid_w2_s,
    1 - ratio(h.w, h.w_people) AS missing_h,
    1 - ratio(s.w, s.w_people) AS missing_s,
    CASE
        WHEN coalesce(h.n, 0) = 0 THEN 'no answers in the reference'
        WHEN coalesce(s.people, 0) = 0 THEN 'not simulated'
        WHEN s.n = 0 THEN 'no answers in the panel'
        WHEN h.w = 0 OR s.w = 0 THEN 'weights sum to zero'
    END AS reason
FROM comparisons AS c
JOIN items AS i USING (study_id, study_hash)
JOIN groupings AS d USING (study_id, study_hash)
LEFT JOIN grids AS g USING (study_id, study_hash, item_id)
LEFT JOIN totals AS h
    ON h.panel_id = c.reference_id
    AND h.part = part_of(c.reference_split)
    AND h.item_id = i.item_id
    AND h.attribute = d.attribute
    AND h.level = d.level
LEFT JOIN totals AS s
    ON s.panel_id = c.panel_id
    AND s.part = 'all'
    AND s.item_id = i.item_id
    AND s.attribute = d.attribute
    AND s.level = d.level
WHERE i.scale <> 'text';

COMMENT ON VIEW item_groups IS 'One row a compared panel, item and declared subgroup, with its respondents on both sides and why nothing can be compared.';
COMMENT ON COLUMN item_groups.people_h IS 'respondents of the reference, those with a missing answer too';
COMMENT ON COLUMN item_groups.n_h IS 'respondents of the reference who answered';
COMMENT ON COLUMN item_groups.effective_h IS 'how many people of equal weight tell as much as those who answered, (sum w)^2 / sum w^2';
COMMENT ON COLUMN item_groups.n_s IS 'respondents of the compared panel who answered';
COMMENT ON COLUMN item_groups.grid_n_h IS 'people whose answer is a declared option or falls in a bin; grid_w_h and grid_w2_h are sums of their weights and squared weights';
COMMENT ON COLUMN item_groups.missing_h IS 'weighted share of the reference whose answer is missing';
COMMENT ON COLUMN item_groups.low IS 'lowest value of the declared range or options';
COMMENT ON COLUMN item_groups.high IS 'highest value of the declared range or options';
