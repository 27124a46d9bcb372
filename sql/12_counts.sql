-- Additive counts written when a panel is published: the metrics are sums over these, never over the answers.

CREATE OR REPLACE VIEW cells AS
SELECT
    panel::VARCHAR AS panel_id,
    item_id::VARCHAR AS item_id,
    split::VARCHAR AS split,
    attribute::VARCHAR AS attribute,
    level::VARCHAR AS level,
    code::VARCHAR AS code,
    value::DOUBLE AS value,
    missing::BOOLEAN AS missing,
    n::BIGINT AS n,
    w::DOUBLE AS w,
    w2::DOUBLE AS w2
FROM read_parquet(
    '${ROOT}/data/panel=*/cells.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true
)
WHERE panel IN (SELECT panel_id FROM published);

COMMENT ON VIEW cells IS 'Respondents by item, split, subgroup and answer: counts (n), sums of weights (w) and of squared weights (w2).';
COMMENT ON COLUMN cells.attribute IS 'all, a subgroup item, or two joined by *';
COMMENT ON COLUMN cells.level IS 'all, a level of the attribute, or two joined by *';

CREATE OR REPLACE VIEW crosstabs AS
SELECT
    panel::VARCHAR AS panel_id,
    pair_id::VARCHAR AS pair_id,
    split::VARCHAR AS split,
    attribute::VARCHAR AS attribute,
    level::VARCHAR AS level,
    stratum::VARCHAR AS stratum,
    belief_code::VARCHAR AS belief_code,
    action_code::VARCHAR AS action_code,
    n::BIGINT AS n,
    w::DOUBLE AS w,
    w2::DOUBLE AS w2
FROM read_parquet(
    '${ROOT}/data/panel=*/crosstabs.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true
)
WHERE panel IN (SELECT panel_id FROM published);

COMMENT ON VIEW crosstabs IS 'Respondents by declared belief-action pair, split, subgroup, stratum, belief and action; both answered.';
COMMENT ON COLUMN crosstabs.stratum IS 'level of the pair''s controls, or levels joined by *; NULL counts all strata together, and those in none';

CREATE OR REPLACE VIEW structures AS
SELECT
    panel::VARCHAR AS panel_id,
    structure_id::VARCHAR AS structure_id,
    split::VARCHAR AS split,
    -- Panels published before subgroups were counted hold everybody alone.
    coalesce(attribute::VARCHAR, 'all') AS attribute,
    coalesce(level::VARCHAR, 'all') AS level,
    structure::VARCHAR AS structure,
    n::BIGINT AS n,
    w::DOUBLE AS w
FROM read_parquet(
    '${ROOT}/data/panel=*/structures.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true
)
WHERE panel IN (SELECT panel_id FROM published);

COMMENT ON VIEW structures IS 'Respondents by declared block of items, split, subgroup and answer tuple, among those who answered all of the block.';
COMMENT ON COLUMN structures.structure IS 'JSON list of codes, in the order the block declares its items';
