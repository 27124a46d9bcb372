-- Who is compared with whom: a panel S with one part of a human panel H, under one version of the study, in everybody
-- and in every declared subgroup.

CREATE OR REPLACE TABLE comparisons AS
SELECT s.study_id, s.study_hash, s.panel_id, s.kind, s.reference_id, s.reference_split, t.small_group
FROM panels AS s
-- Answers to different versions of a study are never mixed: both sides carry the same hash.
JOIN panels AS h ON h.panel_id = s.reference_id AND h.study_id = s.study_id AND h.study_hash = s.study_hash
LEFT JOIN study_thresholds AS t ON t.study_id = s.study_id AND t.study_hash = s.study_hash;

COMMENT ON TABLE comparisons IS 'One row a panel that has a reference: all of the panel against one part of the reference.';
COMMENT ON COLUMN comparisons.reference_split IS 'part of the reference that counts; NULL for all of it';
COMMENT ON COLUMN comparisons.small_group IS 'fewer respondents than this are flagged small_n: the study''s threshold';

CREATE OR REPLACE TABLE samples AS
SELECT study_id, study_hash, panel_id, 'all' AS part FROM comparisons
UNION
SELECT study_id, study_hash, reference_id, part_of(reference_split) FROM comparisons;

COMMENT ON TABLE samples IS 'The sides of all comparisons, each once: a panel, and the part of it that counts.';

CREATE OR REPLACE TABLE groupings AS
SELECT study_id, study_hash, 'all' AS attribute, 'all' AS level, 0 AS level_position FROM studies
UNION ALL
SELECT study_id, study_hash, attribute, level, position FROM levels WHERE attribute <> 'all';

COMMENT ON TABLE groupings IS 'Within whom panels are compared: everybody, every level of a subgroup item, of a declared crossing of two.';

CREATE OR REPLACE VIEW sample_cells AS
SELECT
    s.panel_id, s.part, c.item_id, c.attribute, c.level, c.code, c.value, c.missing,
    NOT c.missing AND c.code IS NOT NULL AS on_grid,
    c.n, c.w, c.w2
FROM samples AS s
JOIN cells AS c ON c.panel_id = s.panel_id AND (s.part = 'all' OR c.split = s.part);

COMMENT ON VIEW sample_cells IS 'Cells of one side of a comparison; its splits stand apart and are to be added up.';
COMMENT ON COLUMN sample_cells.on_grid IS 'the answer is a declared option or falls in a bin';
