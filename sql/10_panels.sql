-- Who is in the warehouse: panels and their respondents.
-- Every source keeps to the snapshot in `published`: one query over several files then sees one state. What is small
-- (panels, studies, evaluations) is copied into the catalog as a table: every metric joins it many times, and a view
-- over Parquet would open all files again for each. Answers and counts stay in Parquet, under views.

CREATE OR REPLACE TABLE panels AS
SELECT
    panel::VARCHAR AS panel_id,
    study_id::VARCHAR AS study_id,
    study_hash::VARCHAR AS study_hash,
    kind::VARCHAR AS kind,
    label::VARCHAR AS label,
    source::VARCHAR AS source,
    strategy::VARCHAR AS strategy,
    plan_id::VARCHAR AS plan_id,
    plan_hash::VARCHAR AS plan_hash,
    reference_id::VARCHAR AS reference_id,
    reference_split::VARCHAR AS reference_split,
    pilot_n::BIGINT AS pilot_n,
    seed::BIGINT AS seed,
    model::VARCHAR AS model,
    base_fingerprint::VARCHAR AS base_fingerprint,
    adapter_fingerprint::VARCHAR AS adapter_fingerprint,
    template_hash::VARCHAR AS template_hash,
    n_respondents::BIGINT AS n_respondents,
    n_responses::BIGINT AS n_responses,
    tokens::BIGINT AS tokens,
    seconds::DOUBLE AS seconds,
    make_timestamp(epoch_us(created_at::TIMESTAMPTZ)) AS created_at,
    simframe_version::VARCHAR AS simframe_version,
    versions::VARCHAR AS versions,
    settings::VARCHAR AS settings,
    files::VARCHAR AS files
FROM read_parquet(
    '${ROOT}/data/panel=*/panel.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true
)
WHERE panel IN (SELECT panel_id FROM published);

COMMENT ON TABLE panels IS 'One row a panel: a set of respondents from one source under one condition, with its provenance.';
COMMENT ON COLUMN panels.kind IS 'human, simulated or baseline';
COMMENT ON COLUMN panels.strategy IS 'survey, base, tuned, pilot_marginals or logit_chain';
COMMENT ON COLUMN panels.reference_id IS 'human panel it is judged against; NULL for human panels';
COMMENT ON COLUMN panels.reference_split IS 'part of the reference it is judged against, such as holdout; NULL for all of it';
COMMENT ON COLUMN panels.pilot_n IS 'pilot respondents it was tuned or fitted on';
COMMENT ON COLUMN panels.created_at IS 'UTC';
COMMENT ON COLUMN panels.settings IS 'JSON: everything that shaped the panel';

CREATE OR REPLACE VIEW respondents AS
SELECT
    panel::VARCHAR AS panel_id,
    respondent_id::VARCHAR AS respondent_id,
    twin_of::VARCHAR AS twin_of,
    weight::DOUBLE AS weight,
    split::VARCHAR AS split,
    draw::BIGINT AS draw,
    stratum::VARCHAR AS stratum,
    "cluster"::VARCHAR AS "cluster"
FROM read_parquet(
    '${ROOT}/data/panel=*/respondents.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true
)
WHERE panel IN (SELECT panel_id FROM published);

COMMENT ON VIEW respondents IS 'One row a respondent of a panel, a person or a simulated one.';
COMMENT ON COLUMN respondents.twin_of IS 'the human whose persona a simulated respondent was given';
COMMENT ON COLUMN respondents.split IS 'wave, pilot, rectify or holdout; a twin has its human''s';
COMMENT ON COLUMN respondents.draw IS 'rank in the seeded order within the split: the pilot of n is draw < n';
