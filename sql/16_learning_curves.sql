-- How the loss of each adapter went while it was tuned: why it stopped where it did.

CREATE OR REPLACE VIEW learning_curves AS
SELECT
    adapter_id::VARCHAR AS adapter_id,
    adapter_fingerprint::VARCHAR AS adapter_fingerprint,
    base_fingerprint::VARCHAR AS base_fingerprint,
    study_id::VARCHAR AS study_id,
    study_hash::VARCHAR AS study_hash,
    pilot_n::BIGINT AS pilot_n,
    seed::BIGINT AS seed,
    steps::BIGINT AS steps,
    fit::VARCHAR AS fit,
    step::BIGINT AS step,
    finite(held_loss::DOUBLE) AS held_loss,
    finite(train_loss::DOUBLE) AS train_loss
FROM read_parquet(
    '${ROOT}/models/adapter-*/learning_curve.parquet', hive_partitioning = false, union_by_name = true
);

COMMENT ON VIEW learning_curves IS
    'One row a look at an adapter while it was tuned; panels.adapter_fingerprint says which panels it answered for.';
COMMENT ON COLUMN learning_curves.steps IS 'steps that the adapter was tuned for in the end: the least of the mean of folds';
COMMENT ON COLUMN learning_curves.fit IS 'fold 1, fold 2, ...; mean of folds; refit: on the whole pilot, nobody held out';
COMMENT ON COLUMN learning_curves.held_loss IS 'negative log likelihood an answer of the people held out, in nats; null in the refit';
COMMENT ON COLUMN learning_curves.train_loss IS 'mean loss of the steps since the row before, in nats an answer';
