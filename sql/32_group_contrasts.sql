-- Whether a panel keeps people apart within groups, or turns groups into stereotypes. Groups that either side lacks are
-- left out, for no mean exists to compare; the panel's variances within groups stand with the reference's group shares.

CREATE OR REPLACE VIEW group_contrasts AS
WITH centred AS (
    SELECT
        *,
        mean_h IS NOT NULL AND mean_s IS NOT NULL AS shared,
        ratio(sum(w_h * mean_h) FILTER (shared) OVER grouping, sum(w_h) FILTER (shared) OVER grouping) AS grand_h,
        ratio(sum(w_s * mean_s) FILTER (shared) OVER grouping, sum(w_s) FILTER (shared) OVER grouping) AS grand_s
    FROM item_groups
    LEFT JOIN value_statistics USING (panel_id, item_id, attribute, level)
    WHERE attribute <> 'all' AND role NOT IN ('persona', 'arm')
    WINDOW grouping AS (PARTITION BY panel_id, item_id, attribute)
),
variances AS (
    SELECT
        study_id, panel_id, reference_id, item_id, scale, attribute,
        coalesce(sum(n_h) FILTER (shared), 0)::BIGINT AS n_h,
        coalesce(sum(n_s) FILTER (shared), 0)::BIGINT AS n_s,
        coalesce(sum(effective_h) FILTER (shared), 0) AS effective_h,
        coalesce(sum(effective_s) FILTER (shared), 0) AS effective_s,
        count(*) FILTER (shared) AS groups_shared,
        count(*) AS groups,
        ratio(sum(w_h * variance_h) FILTER (shared), sum(w_h) FILTER (shared)) AS within_h,
        ratio(sum(w_h * variance_s) FILTER (shared), sum(w_h) FILTER (shared)) AS within_s_at_h,
        ratio(sum(w_s * variance_s) FILTER (shared), sum(w_s) FILTER (shared)) AS within_s,
        ratio(sum(w_h * (mean_h - grand_h) ** 2) FILTER (shared), sum(w_h) FILTER (shared)) AS between_h,
        ratio(sum(w_s * (mean_s - grand_s) ** 2) FILTER (shared), sum(w_s) FILTER (shared)) AS between_s,
        ratio(sum(w_h * (mean_h - grand_h) * (mean_s - grand_s)) FILTER (shared), sum(w_h) FILTER (shared))
            AS covariance,
        -- Below this, means differ by rounding alone: values have 16 digits, their sums lose some.
        (1e-12 * max(largest)) ** 2 AS rounding
    FROM centred
    GROUP BY ALL
)
SELECT
    study_id, panel_id, reference_id, item_id, attribute,
    ratio(within_s_at_h, within_h) AS within_variance_ratio,
    CASE WHEN between_h > rounding AND between_s + within_s > rounding
        THEN ratio(ratio(between_s, between_s + within_s), ratio(between_h, between_h + within_h)) END AS eta2_ratio,
    CASE WHEN between_h > rounding THEN covariance / between_h END AS group_slope,
    n_h, n_s, effective_h, effective_s,
    coalesce(
        CASE
            WHEN scale = 'nominal' THEN 'nominal item'
            WHEN groups_shared = 0 THEN 'no group answered on both sides'
        END,
        CASE WHEN within_h = 0 THEN 'no variance within groups of the reference' END
    ) AS reason_within,
    CASE
        WHEN scale = 'nominal' THEN 'nominal item'
        WHEN groups_shared = 0 THEN 'no group answered on both sides'
        WHEN groups_shared = 1 THEN 'a single group answered on both sides'
        WHEN NOT between_h > rounding THEN 'the groups of the reference have equal means'
        WHEN NOT between_s + within_s > rounding THEN 'the panel does not vary'
    END AS reason_between,
    CASE WHEN groups_shared < groups THEN groups_shared || ' of ' || groups || ' groups on both sides' END AS note
FROM variances;

COMMENT ON VIEW group_contrasts IS 'Variance within and between the groups of one attribute, panel beside reference, for ordinal and interval items.';
COMMENT ON COLUMN group_contrasts.within_variance_ratio IS 'mean variance within groups, panel over reference; below 1 the groups are too uniform';
COMMENT ON COLUMN group_contrasts.eta2_ratio IS 'share of the variance between groups, panel over reference; above 1 is stereotyping';
COMMENT ON COLUMN group_contrasts.group_slope IS 'slope of the panel''s group means on the reference''s; below 1 attenuated, above 1 exaggerated';
