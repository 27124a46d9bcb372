-- Every metric of single items, in everybody and in every declared subgroup, with the mean over the asked items, the
-- worst group and the spread over groups: the rows of divergence, subgroups and, in part, heterogeneity. They stand in
-- one view because they come from one table of statistics, which alignment then computes once.

CREATE OR REPLACE VIEW item_metrics AS
WITH statistics AS MATERIALIZED (
    -- A respondent is given persona items and arms: in subgroups, they are left out.
    SELECT * EXCLUDE (p_chi2) FROM cell_statistics WHERE attribute = 'all' OR role NOT IN ('persona', 'arm')
),
figures AS (
    SELECT
        *,
        unnest([
            {'divergence': true, 'metric': 'total_variation', 'averaged': true,
                'estimate': total_variation, 'reason': reason_categorical},
            {'divergence': true, 'metric': 'kl_divergence', 'averaged': false,
                'estimate': kl_divergence, 'reason': reason_categorical},
            {'divergence': true, 'metric': 'kl_smoothed', 'averaged': false,
                'estimate': kl_smoothed, 'reason': reason_categorical},
            {'divergence': true, 'metric': 'js_divergence', 'averaged': false,
                'estimate': js_divergence, 'reason': reason_categorical},
            {'divergence': true, 'metric': 'js_distance', 'averaged': true,
                'estimate': js_distance, 'reason': reason_categorical},
            {'divergence': true, 'metric': 'hellinger', 'averaged': false,
                'estimate': hellinger, 'reason': reason_categorical},
            {'divergence': true, 'metric': 'chi2', 'averaged': false,
                'estimate': chi2, 'reason': reason_categorical},
            {'divergence': true, 'metric': 'chi2_df', 'averaged': false,
                'estimate': chi2_df, 'reason': reason_categorical},
            {'divergence': true, 'metric': 'wasserstein', 'averaged': false,
                'estimate': wasserstein, 'reason': reason_ordered},
            {'divergence': true, 'metric': 'wasserstein_norm', 'averaged': true,
                'estimate': wasserstein_norm, 'reason': coalesce(reason_ordered, reason_range)},
            {'divergence': true, 'metric': 'ks', 'averaged': false,
                'estimate': ks, 'reason': reason_ordered},
            {'divergence': true, 'metric': 'energy', 'averaged': false,
                'estimate': CASE WHEN scale = 'interval' THEN energy END,
                'reason': coalesce(CASE WHEN scale = 'ordinal' THEN 'ordinal item' END, reason_ordered)},
            {'divergence': true, 'metric': 'mean_shift', 'averaged': false,
                'estimate': mean_shift, 'reason': reason_ordered},
            {'divergence': true, 'metric': 'nonresponse_gap', 'averaged': false,
                'estimate': nonresponse_gap, 'reason': reason},
            {'divergence': false, 'metric': 'variance_ratio', 'averaged': true,
                'estimate': ratio(variance_s, variance_h),
                'reason': coalesce(reason_ordered, 'the reference does not vary')},
            {'divergence': false, 'metric': 'sd_ratio', 'averaged': false,
                'estimate': sqrt(ratio(variance_s, variance_h)),
                'reason': coalesce(reason_ordered, 'the reference does not vary')},
            {'divergence': false, 'metric': 'entropy_h', 'averaged': false,
                'estimate': entropy_h, 'reason': reason_categorical},
            {'divergence': false, 'metric': 'entropy_s', 'averaged': false,
                'estimate': entropy_s, 'reason': reason_categorical},
            {'divergence': false, 'metric': 'entropy_ratio', 'averaged': true,
                'estimate': ratio(entropy_s, entropy_h),
                'reason': coalesce(reason_categorical, 'the reference is unanimous')},
            {'divergence': false, 'metric': 'modal_share_gap', 'averaged': false,
                'estimate': modal_share_gap, 'reason': reason_categorical}
        ]) AS figure
    FROM statistics
),
per_item AS (
    SELECT
        study_id, panel_id, reference_id, figure.divergence AS divergence, figure.metric AS metric,
        item_id, attribute, level, level_position,
        figure.estimate AS estimate, n_h, n_s, people_h, people_s, effective_h, effective_s,
        small_group,
        CASE WHEN figure.estimate IS NULL THEN figure.reason
            ELSE small_n(attribute, least(effective_h, effective_s), small_group) END AS reason,
        asked AND figure.averaged AS averaged
    FROM figures
),
means AS (
    SELECT
        study_id, panel_id, reference_id, divergence, metric, attribute, level, level_position,
        avg(estimate ORDER BY item_id) AS estimate,
        -- Of a mean that no item defines, all items: people are not nobody because the panel lacks them.
        coalesce(min(n_h) FILTER (estimate IS NOT NULL), min(n_h)) AS n_h,
        coalesce(min(n_s) FILTER (estimate IS NOT NULL), min(n_s)) AS n_s,
        coalesce(min(effective_h) FILTER (estimate IS NOT NULL), min(effective_h)) AS effective_h,
        coalesce(min(effective_s) FILTER (estimate IS NOT NULL), min(effective_s)) AS effective_s,
        any_value(small_group) AS small_group,
        CASE
            WHEN attribute <> 'all' AND max(people_h) = 0 THEN 'no answers in the reference'
            WHEN attribute <> 'all' AND max(people_s) = 0 THEN 'not simulated'
            WHEN attribute <> 'all'
                AND min(least(effective_h, effective_s)) FILTER (estimate IS NOT NULL) < any_value(small_group)
            THEN 'small_n'
            ELSE mean_reason(count(estimate), count(*), list(DISTINCT reason))
        END AS reason
    FROM per_item
    WHERE averaged
    GROUP BY study_id, panel_id, reference_id, divergence, metric, attribute, level, level_position
),
distances AS (
    SELECT
        study_id, panel_id, reference_id, item_id, attribute, level, level_position, js_distance AS estimate, n_h, n_s,
        effective_h, effective_s, small_group,
        CASE WHEN js_distance IS NULL THEN reason_categorical END AS reason
    FROM statistics
    WHERE attribute <> 'all'
    UNION ALL
    SELECT
        study_id, panel_id, reference_id, NULL, attribute, level, level_position, estimate, n_h, n_s, effective_h,
        effective_s, small_group, reason
    FROM means
    WHERE metric = 'js_distance' AND attribute <> 'all'
),
extremes AS (
    SELECT
        study_id, panel_id, reference_id, item_id, attribute,
        count(estimate) AS defined,
        count(*) AS groups,
        -- Ties go to the level declared first.
        first({'level': level, 'estimate': estimate, 'n_h': n_h, 'n_s': n_s, 'effective_h': effective_h,
            'effective_s': effective_s, 'reason': reason}
            ORDER BY estimate DESC NULLS LAST, level_position, level) AS worst,
        max(estimate) - min(estimate) AS spread,
        coalesce(min(n_h) FILTER (estimate IS NOT NULL), 0) AS fewest_h,
        coalesce(min(n_s) FILTER (estimate IS NOT NULL), 0) AS fewest_s,
        coalesce(min(effective_h) FILTER (estimate IS NOT NULL), 0) AS least_h,
        coalesce(min(effective_s) FILTER (estimate IS NOT NULL), 0) AS least_s,
        any_value(small_group) AS small_group
    FROM distances
    GROUP BY ALL
)
SELECT
    study_id, panel_id, reference_id, item_family(divergence, attribute) AS family, metric,
    item_id, NULL::VARCHAR AS item_id_2, attribute, level, NULL::VARCHAR AS term,
    estimate, n_h, n_s, effective_h, effective_s, reason
FROM per_item
UNION ALL
SELECT
    study_id, panel_id, reference_id, item_family(divergence, attribute), metric,
    NULL, NULL, attribute, level, NULL,
    estimate, n_h, n_s, effective_h, effective_s, reason
FROM means
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'subgroups', 'worst_group_js_distance',
    item_id, NULL, attribute, CASE WHEN defined > 0 THEN worst.level ELSE 'all' END, NULL,
    worst.estimate, worst.n_h, worst.n_s, worst.effective_h, worst.effective_s,
    CASE
        WHEN defined > 0 AND least(worst.effective_h, worst.effective_s) < small_group THEN 'small_n'
        WHEN defined > 0 AND defined < groups THEN 'worst of ' || defined || ' of ' || groups || ' groups'
        WHEN defined = 0 THEN worst.reason
    END
FROM extremes
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'subgroups', 'spread_js_distance',
    item_id, NULL, attribute, 'all', NULL,
    CASE WHEN defined > 1 THEN spread END, fewest_h, fewest_s, least_h, least_s,
    CASE
        WHEN defined = 0 THEN worst.reason
        WHEN defined = 1 THEN 'a single group is defined'
        WHEN least(least_h, least_s) < small_group THEN 'small_n'
        WHEN defined < groups THEN 'spread of ' || defined || ' of ' || groups || ' groups'
    END
FROM extremes;

COMMENT ON VIEW item_metrics IS 'One row a compared panel, metric, item and declared subgroup; item_id NULL is the mean over the asked items.';
COMMENT ON COLUMN item_metrics.family IS 'divergence in everybody, subgroups for divergences within groups, or heterogeneity';
