-- How far the answers of a panel are from the people's, item by item and as the mean over the asked items.

CREATE OR REPLACE VIEW divergence AS
WITH per_item AS (
    SELECT
        *,
        unnest([
            {'metric': 'total_variation', 'estimate': total_variation, 'reason': reason_categorical},
            {'metric': 'kl_divergence', 'estimate': kl_divergence, 'reason': reason_categorical},
            {'metric': 'kl_smoothed', 'estimate': kl_smoothed, 'reason': reason_categorical},
            {'metric': 'js_divergence', 'estimate': js_divergence, 'reason': reason_categorical},
            {'metric': 'js_distance', 'estimate': js_distance, 'reason': reason_categorical},
            {'metric': 'hellinger', 'estimate': hellinger, 'reason': reason_categorical},
            {'metric': 'chi2', 'estimate': chi2, 'reason': reason_categorical},
            {'metric': 'chi2_df', 'estimate': chi2_df, 'reason': reason_categorical},
            {'metric': 'wasserstein', 'estimate': wasserstein, 'reason': reason_ordered},
            {'metric': 'wasserstein_norm', 'estimate': wasserstein_norm, 'reason': coalesce(reason_ordered, reason_range)},
            {'metric': 'ks', 'estimate': ks, 'reason': reason_ordered},
            {'metric': 'energy', 'estimate': CASE WHEN scale = 'interval' THEN energy END,
                'reason': coalesce(CASE WHEN scale = 'ordinal' THEN 'ordinal item' END, reason_ordered)},
            {'metric': 'mean_shift', 'estimate': mean_shift, 'reason': reason_ordered},
            {'metric': 'nonresponse_gap', 'estimate': nonresponse_gap, 'reason': reason}
        ]) AS figure
    FROM cell_statistics
    WHERE attribute = 'all'
)
SELECT
    study_id, panel_id, reference_id, 'divergence' AS family, figure.metric AS metric,
    item_id, NULL::VARCHAR AS item_id_2, attribute, level, NULL::VARCHAR AS term,
    figure.estimate AS estimate, n_h, n_s,
    CASE WHEN figure.estimate IS NULL THEN figure.reason END AS reason
FROM per_item
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'divergence', figure.metric,
    NULL, NULL, 'all', 'all', NULL,
    avg(figure.estimate ORDER BY item_id),
    coalesce(min(n_h) FILTER (figure.estimate IS NOT NULL), 0),
    coalesce(min(n_s) FILTER (figure.estimate IS NOT NULL), 0),
    mean_reason(count(figure.estimate), count(*))
FROM per_item
WHERE asked AND figure.metric IN ('total_variation', 'js_distance', 'wasserstein_norm')
GROUP BY study_id, panel_id, reference_id, figure.metric;

COMMENT ON VIEW divergence IS 'Distance between the answer distributions of a panel and its reference, an item a row; item_id NULL is the mean over the asked items.';
COMMENT ON COLUMN divergence.metric IS 'total_variation, kl_divergence, kl_smoothed, js_divergence (bits), js_distance, hellinger, chi2, chi2_df, wasserstein, wasserstein_norm, ks, energy, mean_shift, nonresponse_gap';
COMMENT ON COLUMN divergence.estimate IS 'NULL where undefined, with a reason; kl_divergence is infinite where the panel never gives an answer that people give';
COMMENT ON COLUMN divergence.n_h IS 'people who answered; for a mean, the fewest of any item in it';
