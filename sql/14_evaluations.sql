-- What was estimated beside the metrics: intervals, floors, p-values and regression fits. Of all evaluations of a panel
-- one speaks: of those by the latest method, the one with the most replicates; of equals, the latest. A quick look with
-- few replicates therefore never takes the place of a careful evaluation, in whichever order they are asked for.

CREATE OR REPLACE TABLE evaluations AS
WITH made AS (
    SELECT
        evaluation::VARCHAR AS evaluation_id,
        panel_id::VARCHAR AS panel_id,
        reference_id::VARCHAR AS reference_id,
        reference_split::VARCHAR AS reference_split,
        study_id::VARCHAR AS study_id,
        study_hash::VARCHAR AS study_hash,
        replicates::BIGINT AS replicates,
        seed::BIGINT AS seed,
        seconds::DOUBLE AS seconds,
        make_timestamp(epoch_us(created_at::TIMESTAMPTZ)) AS created_at,
        simframe_version::VARCHAR AS simframe_version,
        settings::VARCHAR AS settings,
        files::VARCHAR AS files
    FROM read_parquet(
        '${ROOT}/data/evaluation=*/evaluation.parquet',
        hive_partitioning = true, hive_types_autocast = false, union_by_name = true
    )
    WHERE evaluation IN (SELECT evaluation_id FROM published_evaluations)
),
dated AS (
    SELECT
        *,
        max(created_at) OVER (PARTITION BY panel_id, simframe_version, settings ->> '$.method') AS method_used_at
    FROM made
)
SELECT
    * EXCLUDE (method_used_at),
    row_number() OVER (
        PARTITION BY panel_id
        ORDER BY
            method_used_at DESC NULLS LAST, replicates DESC NULLS LAST, created_at DESC NULLS LAST, evaluation_id DESC
    ) = 1 AS speaks
FROM dated;

COMMENT ON TABLE evaluations IS 'One row an evaluation of a panel against its reference, all of them, older ones too.';
COMMENT ON COLUMN evaluations.speaks IS 'whether its numbers are those of the views: by the latest method, it has the most replicates; of equals it is the latest';

CREATE OR REPLACE VIEW estimates AS
SELECT
    e.evaluation_id,
    e.panel_id,
    x.family::VARCHAR AS family,
    x.metric::VARCHAR AS metric,
    x.item_id::VARCHAR AS item_id,
    x.item_id_2::VARCHAR AS item_id_2,
    coalesce(x.attribute::VARCHAR, 'all') AS attribute,
    coalesce(x.level::VARCHAR, 'all') AS level,
    x.term::VARCHAR AS term,
    finite(x.estimate::DOUBLE) AS estimate,
    finite(x.ci_low::DOUBLE) AS ci_low,
    finite(x.ci_high::DOUBLE) AS ci_high,
    finite(x.floor::DOUBLE) AS floor,
    finite(x.floor_q95::DOUBLE) AS floor_q95,
    finite(x.p_value::DOUBLE) AS p_value,
    x.reason::VARCHAR AS reason,
    x.n_h::BIGINT AS n_h,
    x.n_s::BIGINT AS n_s,
    -- Evaluations made before what respondents are worth was kept count them all alike.
    coalesce(finite(x.effective_h::DOUBLE), x.n_h) AS effective_h,
    coalesce(finite(x.effective_s::DOUBLE), x.n_s) AS effective_s
FROM read_parquet(
    '${ROOT}/data/evaluation=*/estimates.parquet',
    hive_partitioning = true, hive_types_autocast = false, union_by_name = true
) AS x
JOIN evaluations AS e ON e.evaluation_id = x.evaluation::VARCHAR AND e.speaks;

COMMENT ON VIEW estimates IS 'Interval, floor and p-value of the metrics of a panel, from the evaluation that speaks.';
COMMENT ON COLUMN estimates.floor IS 'mean of the metric between two samples of people of the same sizes';
COMMENT ON COLUMN estimates.floor_q95 IS '95 % quantile of the metric between two samples of people of the same sizes';
COMMENT ON COLUMN estimates.p_value IS 'how often two samples of people differ as much; table metrics says how, metric by metric';
COMMENT ON COLUMN estimates.n_h IS 'answers of people behind the figure; for a mean, the fewest of any item in it';
COMMENT ON COLUMN estimates.effective_h IS 'how many people of equal weight tell as much as these (Kish 1965)';

CREATE OR REPLACE VIEW fits AS
SELECT
    x.evaluation::VARCHAR AS evaluation_id,
    x.panel_id::VARCHAR AS panel_id,
    part_of(x.split::VARCHAR) AS split,
    coalesce(x.attribute::VARCHAR, 'all') AS attribute,
    coalesce(x.level::VARCHAR, 'all') AS level,
    x.regression_id::VARCHAR AS regression_id,
    x.family::VARCHAR AS family,
    x.n::BIGINT AS n,
    coalesce(finite(x.effective::DOUBLE), x.n) AS effective,
    finite(x.df_model::DOUBLE) AS df_model,
    finite(x.llf::DOUBLE) AS llf,
    finite(x.fit::DOUBLE) AS fit,
    finite(x.aic::DOUBLE) AS aic,
    x.reason::VARCHAR AS reason
FROM read_parquet(
    '${ROOT}/data/evaluation=*/fits.parquet',
    hive_partitioning = true, hive_types_autocast = false, union_by_name = true
) AS x
JOIN evaluations AS e ON e.evaluation_id = x.evaluation::VARCHAR
-- One fit of a part of a panel, whichever evaluation made it: evaluations of several panels refit the same people.
QUALIFY row_number() OVER (
    PARTITION BY x.panel_id, part_of(x.split), coalesce(x.attribute, 'all'), coalesce(x.level, 'all'), x.regression_id
    ORDER BY e.speaks DESC, e.created_at DESC NULLS LAST, e.evaluation_id DESC
) = 1;

COMMENT ON VIEW fits IS 'One row a regression fitted on a part of a panel, or on a subgroup of that part, that of the evaluation that speaks; a reason where there are no coefficients.';
COMMENT ON COLUMN fits.effective IS 'how many respondents of equal weight tell as much as those fitted; n without weights';
COMMENT ON COLUMN fits.fit IS 'R2 of ols, McFadden''s pseudo R2 of the others';

CREATE OR REPLACE VIEW coefficients AS
SELECT
    f.evaluation_id,
    f.panel_id,
    f.split,
    f.attribute,
    f.level,
    f.regression_id,
    x.term::VARCHAR AS term,
    x.kind::VARCHAR AS kind,
    finite(x.estimate::DOUBLE) AS estimate,
    finite(x.se::DOUBLE) AS se,
    finite(x.p_value::DOUBLE) AS p_value,
    finite(x.ci_low::DOUBLE) AS ci_low,
    finite(x.ci_high::DOUBLE) AS ci_high,
    finite(x.p_value_equal_n::DOUBLE) AS p_value_equal_n,
    finite(x.ci_low_equal_n::DOUBLE) AS ci_low_equal_n,
    finite(x.ci_high_equal_n::DOUBLE) AS ci_high_equal_n,
    finite(x.p_difference::DOUBLE) AS p_difference
FROM read_parquet(
    '${ROOT}/data/evaluation=*/coefficients.parquet',
    hive_partitioning = true, hive_types_autocast = false, union_by_name = true
) AS x
JOIN fits AS f
    ON f.evaluation_id = x.evaluation::VARCHAR
    AND f.panel_id = x.panel_id::VARCHAR
    AND f.split = part_of(x.split::VARCHAR)
    AND f.attribute = coalesce(x.attribute::VARCHAR, 'all')
    AND f.level = coalesce(x.level::VARCHAR, 'all')
    AND f.regression_id = x.regression_id::VARCHAR;

COMMENT ON VIEW coefficients IS 'One row a coefficient of a fit, of a regression on a part of a panel, or on a subgroup of it.';
COMMENT ON COLUMN coefficients.kind IS 'slope, intercept or threshold';
COMMENT ON COLUMN coefficients.term IS 'name of the coefficient; after the outcome''s code and a colon for mnlogit';
COMMENT ON COLUMN coefficients.p_value_equal_n IS 'of a compared panel with more cases than people: its p-value at their n';
COMMENT ON COLUMN coefficients.p_difference IS 'of a compared panel: two-sided normal p-value of its difference from people';
