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
    pilot_selection::VARCHAR AS pilot_selection,
    pilot_by::VARCHAR AS pilot_by,
    pilot_arm::VARCHAR AS pilot_arm,
    seed::BIGINT AS seed,
    model::VARCHAR AS model,
    engine::VARCHAR AS engine,
    mode::VARCHAR AS mode,
    prompt::VARCHAR AS prompt,
    fields::VARCHAR AS fields,
    shots::BIGINT AS shots,
    item_order::VARCHAR AS item_order,
    option_order::VARCHAR AS option_order,
    order_average::BIGINT AS order_average,
    chat::VARCHAR AS chat,
    temperature::DOUBLE AS temperature,
    copies::BIGINT AS copies,
    wave::BOOLEAN AS wave,
    tune::VARCHAR AS tune,
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
COMMENT ON COLUMN panels.strategy IS 'survey, imported, base, tuned, or the name of a baseline';
COMMENT ON COLUMN panels.reference_id IS 'human panel it is judged against; NULL for human panels';
COMMENT ON COLUMN panels.reference_split IS 'part of the reference it is judged against, such as holdout; NULL for all of it';
COMMENT ON COLUMN panels.pilot_n IS 'pilot respondents it was tuned or fitted on';
COMMENT ON COLUMN panels.pilot_selection IS 'how they were chosen among the pilot: random, stratified or balanced';
COMMENT ON COLUMN panels.pilot_by IS 'item that the selection looks at';
COMMENT ON COLUMN panels.pilot_arm IS 'JSON: item -> code of the people they were chosen among; NULL where among all';
COMMENT ON COLUMN panels.engine IS 'transformers, vllm or openai; this and the next columns are NULL where they play no part';
COMMENT ON COLUMN panels.mode IS 'chained (earlier answers condition later ones) or independent';
COMMENT ON COLUMN panels.prompt IS 'template, as the plan names it; template_hash says which text it was';
COMMENT ON COLUMN panels.fields IS 'JSON: persona items shown; NULL where all';
COMMENT ON COLUMN panels.shots IS 'pilot respondents whose answers stand in the opening';
COMMENT ON COLUMN panels.item_order IS 'declared or random';
COMMENT ON COLUMN panels.option_order IS 'declared, random or reversed';
COMMENT ON COLUMN panels.order_average IS 'option orders that probabilities are averaged over';
COMMENT ON COLUMN panels.chat IS 'whether the chat template of the model was used: true, false, or auto, where there is one';
COMMENT ON COLUMN panels.copies IS 'simulated respondents a person';
COMMENT ON COLUMN panels.wave IS 'whether a baseline was fitted to people of the earlier wave beside the pilot';
COMMENT ON COLUMN panels.tune IS 'JSON: settings of the tuning that the plan names; the others have their defaults';
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
