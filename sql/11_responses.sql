-- What every respondent answered, one row an answer. Metrics read the counts of 12_counts.sql instead, where they can.

CREATE OR REPLACE VIEW responses AS
SELECT
    panel::VARCHAR AS panel_id,
    respondent_id::VARCHAR AS respondent_id,
    item_id::VARCHAR AS item_id,
    code::VARCHAR AS code,
    value::DOUBLE AS value,
    missing::BOOLEAN AS missing,
    text::VARCHAR AS text,
    probabilities::DOUBLE[] AS probabilities,
    option_mass::DOUBLE AS option_mass,
    position::BIGINT AS position,
    shown::BIGINT[] AS shown
FROM read_parquet(
    '${ROOT}/data/panel=*/responses.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true
)
WHERE panel IN (SELECT panel_id FROM published);

COMMENT ON VIEW responses IS 'One row an answer: the long table of all panels.';
COMMENT ON COLUMN responses.code IS 'option code, or the bin of an interval item''s value; NULL where there is none';
COMMENT ON COLUMN responses.value IS 'option value, or the number given; NULL where missing';
COMMENT ON COLUMN responses.missing IS 'no answer, or an option declared missing';
COMMENT ON COLUMN responses.probabilities IS 'the model''s probability of each valid option, in declared order; NULL for people';
COMMENT ON COLUMN responses.option_mass IS 'probability the model gave all options together, under its full vocabulary';
COMMENT ON COLUMN responses.position IS 'place in the questionnaire as asked, from 0; NULL for persona and derived items';
COMMENT ON COLUMN responses.shown IS 'places of the valid options in the order shown, from 0; NULL where that is the declared one';

CREATE OR REPLACE VIEW memberships AS
SELECT
    panel::VARCHAR AS panel_id,
    respondent_id::VARCHAR AS respondent_id,
    attribute::VARCHAR AS attribute,
    level::VARCHAR AS level
FROM read_parquet(
    '${ROOT}/data/panel=*/memberships.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true
)
WHERE panel IN (SELECT panel_id FROM published);

COMMENT ON VIEW memberships IS 'Who stands in which level of every declared subgroup and crossing: one row a respondent and attribute.';
COMMENT ON COLUMN memberships.attribute IS 'a subgroup item, or two joined by *; nobody stands in it whose answer is missing or outside the bins';
COMMENT ON COLUMN memberships.level IS 'a level of the attribute, or two joined by *';
