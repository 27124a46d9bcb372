-- How many different belief structures each side holds, and how many it would hold at a common size, in everybody and in
-- every declared subgroup.

CREATE OR REPLACE VIEW structure_counts AS
WITH tuples AS (
    SELECT s.panel_id, s.part, t.structure_id, t.attribute, t.level, t.structure, sum(t.n)::BIGINT AS n
    FROM samples AS s
    JOIN structures AS t ON t.panel_id = s.panel_id AND (s.part = 'all' OR t.split = s.part)
    GROUP BY ALL
    HAVING sum(t.n) > 0
),
sized AS (
    SELECT *, sum(n) OVER (PARTITION BY panel_id, part, structure_id, attribute, level)::BIGINT AS size FROM tuples
),
sizes AS (
    SELECT panel_id, part, structure_id, attribute, level, any_value(size) AS size, count(*) AS structures
    FROM sized
    GROUP BY ALL
),
frame AS (
    SELECT
        c.study_id, c.panel_id, c.reference_id, part_of(c.reference_split) AS part, c.small_group,
        b.structure_id, d.attribute, d.level,
        coalesce(h.size, 0) AS n_h,
        coalesce(s.size, 0) AS n_s,
        h.structures AS unique_structures_h,
        s.structures AS unique_structures_s,
        least(h.size, s.size) AS m
    FROM comparisons AS c
    JOIN blocks AS b USING (study_id, study_hash)
    JOIN groupings AS d USING (study_id, study_hash)
    LEFT JOIN sizes AS h
        ON h.panel_id = c.reference_id AND h.part = part_of(c.reference_split) AND h.structure_id = b.structure_id
        AND h.attribute = d.attribute AND h.level = d.level
    LEFT JOIN sizes AS s
        ON s.panel_id = c.panel_id AND s.part = 'all' AND s.structure_id = b.structure_id
        AND s.attribute = d.attribute AND s.level = d.level
),
rarefied_h AS (
    SELECT f.panel_id, f.structure_id, f.attribute, f.level, sum(1 - missed(x.size, x.n, f.m)) AS rarefied
    FROM frame AS f
    JOIN sized AS x
        ON x.panel_id = f.reference_id AND x.part = f.part AND x.structure_id = f.structure_id
        AND x.attribute = f.attribute AND x.level = f.level
    WHERE f.n_h > 0 AND f.n_s > 0
    GROUP BY ALL
),
rarefied_s AS (
    SELECT f.panel_id, f.structure_id, f.attribute, f.level, sum(1 - missed(x.size, x.n, f.m)) AS rarefied
    FROM frame AS f
    JOIN sized AS x
        ON x.panel_id = f.panel_id AND x.part = 'all' AND x.structure_id = f.structure_id
        AND x.attribute = f.attribute AND x.level = f.level
    WHERE f.n_h > 0 AND f.n_s > 0
    GROUP BY ALL
)
SELECT
    f.study_id, f.panel_id, f.reference_id, f.structure_id, f.attribute, f.level,
    f.unique_structures_h, f.unique_structures_s,
    h.rarefied AS rarefied_structures_h,
    s.rarefied AS rarefied_structures_s,
    ratio(s.rarefied, h.rarefied) AS structure_ratio,
    f.n_h, f.n_s, f.small_group,
    CASE
        WHEN f.n_h = 0 THEN 'nobody in the reference answered the whole block'
        WHEN f.n_s = 0 THEN 'nobody in the panel answered the whole block'
    END AS reason
FROM frame AS f
LEFT JOIN rarefied_h AS h USING (panel_id, structure_id, attribute, level)
LEFT JOIN rarefied_s AS s USING (panel_id, structure_id, attribute, level);

COMMENT ON VIEW structure_counts IS 'Distinct answer tuples over each declared block, raw and rarefied to the smaller side (Hurlbert 1971), in everybody and in every declared subgroup.';
COMMENT ON COLUMN structure_counts.rarefied_structures_h IS 'distinct tuples expected among min(n_h, n_s) people drawn without replacement';
COMMENT ON COLUMN structure_counts.structure_ratio IS 'rarefied structures of the panel over those of the reference; 1 is ideal';
COMMENT ON COLUMN structure_counts.n_h IS 'people who answered the whole block';
