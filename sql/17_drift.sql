-- What tuning did to the rest of a model: the same questions before and after, from `simframe audit drift`.

CREATE OR REPLACE VIEW drift AS
SELECT
    x.audit_id::VARCHAR AS audit_id,
    x.panel_id::VARCHAR AS panel_id,
    x.adapter_fingerprint::VARCHAR AS adapter_fingerprint,
    x.base_fingerprint::VARCHAR AS base_fingerprint,
    x.template_hash::VARCHAR AS template_hash,
    x.study_id::VARCHAR AS study_id,
    x.study_hash::VARCHAR AS study_hash,
    x.probes_id::VARCHAR AS probes_id,
    x.probes_hash::VARCHAR AS probes_hash,
    x.scope::VARCHAR AS scope,
    x.measure::VARCHAR AS measure,
    x.item_id::VARCHAR AS item_id,
    finite(x.base::DOUBLE) AS base,
    finite(x.tuned::DOUBLE) AS tuned,
    finite(x.change::DOUBLE) AS change,
    finite(x.ci_low::DOUBLE) AS ci_low,
    finite(x.ci_high::DOUBLE) AS ci_high,
    x.n_items::BIGINT AS n_items,
    x.n_respondents::BIGINT AS n_respondents,
    x.replicates::BIGINT AS replicates,
    x.seed::BIGINT AS seed,
    x.reason::VARCHAR AS reason,
    make_timestamp(epoch_us(x.created_at::TIMESTAMPTZ)) AS created_at,
    x.simframe_version::VARCHAR AS simframe_version
FROM read_parquet(
    '${ROOT}/data/drift=*/drift.parquet',
    hive_partitioning = false, union_by_name = true
) AS x;

COMMENT ON VIEW drift IS
    'One row a measure of an adapter against its base, per item, and over all items with an interval (item_id NULL).';
COMMENT ON COLUMN drift.panel_id IS 'the tuned panel whose adapter it is, of those that share it the one asked for';
COMMENT ON COLUMN drift.scope IS 'study: the questions that were tuned on; probes: what tuning should have left alone';
COMMENT ON COLUMN drift.item_id IS 'NULL: mean over what the measure was asked of; the pair of statements for acquiescence';
COMMENT ON COLUMN drift.change IS 'after tuning less before; of total_variation the distance itself, which has no before';
COMMENT ON COLUMN drift.ci_low IS '95 % interval of the change: respondents and items drawn again, both sides together';
COMMENT ON COLUMN drift.reason IS 'why there is no number';
