-- Everything that sums over one distribution, in wide rows: on the grid, on the values, and both side by side.

CREATE OR REPLACE VIEW grid_statistics AS
WITH pooled AS (
    -- Weighted chi-squared: each side counts as its effective size (sum w)^2 / sum w^2; with equal weights, its size.
    SELECT
        *,
        ratio(grid_w_h * grid_w_h, grid_w2_h) AS size_h,
        ratio(grid_w_s * grid_w_s, grid_w2_s) AS size_s,
        (size_h * p + size_s * q) / (size_h + size_s) AS pooled_share
    FROM shares
)
SELECT
    panel_id, item_id, attribute, level,
    sum(abs(p - q)) / 2 AS total_variation,
    clamp(sum(kl_term(p, q)), 0, 'Infinity'::DOUBLE) AS kl_divergence,
    sum(kl_term(smoothed(p, grid_n_h, options), smoothed(q, grid_n_s, options))) AS kl_smoothed,
    clamp(sum(js_term(p, q)), 0, 1) AS js_divergence,
    sqrt(clamp(sum((sqrt(p) - sqrt(q)) ** 2) / 2, 0, 1)) AS hellinger,
    sum(CASE WHEN pooled_share > 0
        THEN size_h * size_s / (size_h + size_s) * (p - q) ** 2 / pooled_share END) AS homogeneity,
    sum(CASE WHEN pooled_share > 0
        THEN (p * (1 - p) / size_h + q * (1 - q) / size_s) / pooled_share END) AS simple_variance,
    sum(CASE WHEN pooled_share > 0
        THEN (share_variance(p, w2_h, grid_w_h, grid_w2_h) + share_variance(q, w2_s, grid_w_s, grid_w2_s))
            / pooled_share END) AS design_variance,
    (count(*) FILTER (pooled_share > 0) - 1)::DOUBLE AS chi2_df,
    sum(entropy_term(p)) AS entropy_h,
    sum(entropy_term(q)) AS entropy_s,
    max(q) - max(p) AS modal_share_gap
FROM pooled
GROUP BY ALL;

COMMENT ON VIEW grid_statistics IS 'What sums over the declared options: one row a compared panel, item and subgroup.';
COMMENT ON COLUMN grid_statistics.homogeneity IS 'Pearson''s statistic at effective sizes; over its mean design effect, design_variance / simple_variance, it is chi2';

CREATE OR REPLACE VIEW value_statistics AS
SELECT
    panel_id, item_id, attribute, level,
    sum(w_h) AS w_h,
    sum(w_s) AS w_s,
    sum(abs(p_cumulative - q_cumulative) * step) AS wasserstein,
    max(abs(p_cumulative - q_cumulative)) AS ks,
    sqrt(2 * sum((p_cumulative - q_cumulative) ** 2 * step)) AS energy,
    any_value(mean_h) AS mean_h,
    any_value(mean_s) AS mean_s,
    -- A side that gave one value has variance 0, whatever the rounding of its mean.
    CASE WHEN count(*) FILTER (p > 0) = 1 THEN 0.0 ELSE sum(p * (value - mean_h) ** 2) END AS variance_h,
    CASE WHEN count(*) FILTER (q > 0) = 1 THEN 0.0 ELSE sum(q * (value - mean_s) ** 2) END AS variance_s,
    max(abs(value)) AS largest
FROM value_points
GROUP BY ALL;

COMMENT ON VIEW value_statistics IS 'What sums over the values of an ordinal or interval item: one row a compared panel, item and subgroup.';
COMMENT ON COLUMN value_statistics.largest IS 'largest absolute value that either side gave';

CREATE OR REPLACE VIEW cell_statistics AS
SELECT
    g.study_id, g.panel_id, g.reference_id, g.item_id, g.scale, g.role, g.asked, g.attribute, g.level, g.level_position,
    g.n_h, g.n_s,
    c.total_variation,
    c.kl_divergence,
    c.kl_smoothed,
    c.js_divergence,
    sqrt(c.js_divergence) AS js_distance,
    c.hellinger,
    CASE WHEN c.design_variance > 0 THEN c.homogeneity * c.simple_variance / c.design_variance ELSE c.homogeneity END
        AS chi2,
    CASE WHEN c.homogeneity IS NOT NULL THEN c.chi2_df END AS chi2_df,
    chi2_sf(chi2, c.chi2_df) AS p_chi2,
    c.entropy_h,
    c.entropy_s,
    c.modal_share_gap,
    v.wasserstein,
    ratio(v.wasserstein, g.high - g.low) AS wasserstein_norm,
    v.ks,
    v.energy,
    v.mean_s - v.mean_h AS mean_shift,
    g.missing_s - g.missing_h AS nonresponse_gap,
    v.w_h, v.w_s, v.mean_h, v.mean_s, v.variance_h, v.variance_s, v.largest,
    g.people_h, g.people_s,
    g.effective_h, g.effective_s, g.small_group,
    g.reason,
    coalesce(
        CASE WHEN g.options = 0 THEN 'neither options nor bins' END,
        g.reason,
        CASE WHEN g.grid_n_h = 0 OR g.grid_n_s = 0 THEN 'no answer falls in a bin' END
    ) AS reason_categorical,
    coalesce(
        CASE WHEN g.scale = 'nominal' THEN 'nominal item' END,
        g.reason,
        CASE WHEN coalesce(v.w_h, 0) = 0 OR coalesce(v.w_s, 0) = 0 THEN 'no answer has a value' END
    ) AS reason_ordered,
    CASE WHEN g.low IS NULL OR g.high IS NULL OR g.low = g.high THEN 'no declared range' END AS reason_range
FROM item_groups AS g
LEFT JOIN grid_statistics AS c USING (panel_id, item_id, attribute, level)
LEFT JOIN value_statistics AS v USING (panel_id, item_id, attribute, level);

COMMENT ON VIEW cell_statistics IS 'One wide row a compared panel, item and declared subgroup: the figures that other views pick from.';
COMMENT ON COLUMN cell_statistics.p_chi2 IS 'chance of a larger chi2 where both panels answer alike, from its large-sample distribution';
COMMENT ON COLUMN cell_statistics.reason IS 'why the two sides cannot be compared at all';
COMMENT ON COLUMN cell_statistics.reason_categorical IS 'why metrics on the grid are NULL';
COMMENT ON COLUMN cell_statistics.reason_ordered IS 'why metrics on values are NULL';
