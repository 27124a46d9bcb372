-- What was asked: the study files as tables. A study that changes gets another hash; the old version stays.

CREATE OR REPLACE TABLE studies AS
SELECT
    s.study_id::VARCHAR AS study_id,
    s.study_hash::VARCHAR AS study_hash,
    s.title::VARCHAR AS title,
    s.description::VARCHAR AS description
FROM read_parquet('${ROOT}/studies/*/*/study.parquet', union_by_name = true) AS s
SEMI JOIN published_studies AS known USING (study_id, study_hash);

COMMENT ON TABLE studies IS 'One row a version of a study.';

CREATE OR REPLACE TABLE items AS
SELECT
    s.study_id::VARCHAR AS study_id,
    s.study_hash::VARCHAR AS study_hash,
    s.item_id::VARCHAR AS item_id,
    s.position::BIGINT AS position,
    s.label::VARCHAR AS label,
    s.wording::VARCHAR AS wording,
    s.scale::VARCHAR AS scale,
    s.role::VARCHAR AS role,
    s.unit::VARCHAR AS unit,
    s.low::DOUBLE AS low,
    s.high::DOUBLE AS high,
    s.derived::BOOLEAN AS derived,
    s.subgroup::BOOLEAN AS subgroup,
    s.asked::BOOLEAN AS asked
FROM read_parquet('${ROOT}/studies/*/*/items.parquet', union_by_name = true) AS s
SEMI JOIN published_studies AS known USING (study_id, study_hash);

COMMENT ON TABLE items IS 'One row an item: a question, persona attribute, treatment arm or derived quantity.';
COMMENT ON COLUMN items.scale IS 'nominal, ordinal or interval';
COMMENT ON COLUMN items.role IS 'persona, arm, belief, attitude, action or outcome';
COMMENT ON COLUMN items.asked IS 'a closed question that a simulated respondent answers';

CREATE OR REPLACE TABLE options AS
SELECT
    s.study_id::VARCHAR AS study_id,
    s.study_hash::VARCHAR AS study_hash,
    s.item_id::VARCHAR AS item_id,
    s.code::VARCHAR AS code,
    s.label::VARCHAR AS label,
    s.value::DOUBLE AS value,
    s.missing::BOOLEAN AS missing,
    s.position::BIGINT AS position,
    s.kind::VARCHAR AS kind
FROM read_parquet('${ROOT}/studies/*/*/options.parquet', union_by_name = true) AS s
SEMI JOIN published_studies AS known USING (study_id, study_hash);

COMMENT ON TABLE options IS 'One row a declared answer of an item, in declared order: the grid that distributions are taken over.';
COMMENT ON COLUMN options.missing IS 'set aside: it is no answer';
COMMENT ON COLUMN options.kind IS 'option; category, declared missing and counted as an answer without a value; or bin of an interval item without options';

CREATE OR REPLACE TABLE levels AS
SELECT
    s.study_id::VARCHAR AS study_id,
    s.study_hash::VARCHAR AS study_hash,
    s.attribute::VARCHAR AS attribute,
    s.level::VARCHAR AS level,
    s.label::VARCHAR AS label,
    s.position::BIGINT AS position,
    s.crossing::BOOLEAN AS crossing
FROM read_parquet('${ROOT}/studies/*/*/levels.parquet', union_by_name = true) AS s
SEMI JOIN published_studies AS known USING (study_id, study_hash);

COMMENT ON TABLE levels IS 'One row a subgroup: a level of a subgroup item, or of a declared crossing of two.';

CREATE OR REPLACE TABLE blocks AS
SELECT
    s.study_id::VARCHAR AS study_id,
    s.study_hash::VARCHAR AS study_hash,
    s.structure_id::VARCHAR AS structure_id,
    s.label::VARCHAR AS label,
    s.items::VARCHAR[] AS items
FROM read_parquet('${ROOT}/studies/*/*/blocks.parquet', union_by_name = true) AS s
SEMI JOIN published_studies AS known USING (study_id, study_hash);

COMMENT ON TABLE blocks IS 'One row a declared block of items whose answer tuples count as belief structures.';

CREATE OR REPLACE TABLE pairs AS
SELECT
    s.study_id::VARCHAR AS study_id,
    s.study_hash::VARCHAR AS study_hash,
    s.pair_id::VARCHAR AS pair_id,
    s.label::VARCHAR AS label,
    s.belief::VARCHAR AS belief,
    s.action::VARCHAR AS action,
    coalesce(s.controls::VARCHAR[], []) AS controls
FROM read_parquet('${ROOT}/studies/*/*/pairs.parquet', union_by_name = true) AS s
SEMI JOIN published_studies AS known USING (study_id, study_hash);

COMMENT ON TABLE pairs IS 'One row a declared pair of a belief item and an action item.';
COMMENT ON COLUMN pairs.controls IS 'items held constant in partial associations';

CREATE OR REPLACE TABLE implications AS
SELECT
    s.study_id::VARCHAR AS study_id,
    s.study_hash::VARCHAR AS study_hash,
    s.pair_id::VARCHAR AS pair_id,
    s.belief_code::VARCHAR AS belief_code,
    s.action_code::VARCHAR AS action_code
FROM read_parquet('${ROOT}/studies/*/*/implications.parquet', union_by_name = true) AS s
SEMI JOIN published_studies AS known USING (study_id, study_hash);

COMMENT ON TABLE implications IS 'The action that a belief implies, for the beliefs that imply one.';

CREATE OR REPLACE TABLE regressions AS
SELECT
    s.study_id::VARCHAR AS study_id,
    s.study_hash::VARCHAR AS study_hash,
    s.regression_id::VARCHAR AS regression_id,
    s.label::VARCHAR AS label,
    s.formula::VARCHAR AS formula,
    s.family::VARCHAR AS family,
    s.weighted::BOOLEAN AS weighted,
    s.covariance::VARCHAR AS covariance
FROM read_parquet('${ROOT}/studies/*/*/regressions.parquet', union_by_name = true) AS s
SEMI JOIN published_studies AS known USING (study_id, study_hash);

COMMENT ON TABLE regressions IS 'One row a declared regression model.';
