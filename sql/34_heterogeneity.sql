-- How varied a panel is beside people: spread and entropy of answers, belief structures, groups, memorised answers.

CREATE OR REPLACE VIEW heterogeneity AS
WITH per_item AS (
    SELECT
        *,
        unnest([
            {'metric': 'variance_ratio', 'estimate': ratio(variance_s, variance_h),
                'reason': coalesce(reason_ordered, 'the reference does not vary')},
            {'metric': 'sd_ratio', 'estimate': sqrt(ratio(variance_s, variance_h)),
                'reason': coalesce(reason_ordered, 'the reference does not vary')},
            {'metric': 'entropy_h', 'estimate': entropy_h, 'reason': reason_categorical},
            {'metric': 'entropy_s', 'estimate': entropy_s, 'reason': reason_categorical},
            {'metric': 'entropy_ratio', 'estimate': ratio(entropy_s, entropy_h),
                'reason': coalesce(reason_categorical, 'the reference is unanimous')},
            {'metric': 'modal_share_gap', 'estimate': modal_share_gap, 'reason': reason_categorical}
        ]) AS figure
    FROM cell_statistics
    WHERE attribute = 'all'
),
of_blocks AS (
    SELECT
        *,
        unnest([
            {'metric': 'unique_structures_h', 'estimate': unique_structures_h::DOUBLE},
            {'metric': 'unique_structures_s', 'estimate': unique_structures_s::DOUBLE},
            {'metric': 'rarefied_structures_h', 'estimate': rarefied_structures_h},
            {'metric': 'rarefied_structures_s', 'estimate': rarefied_structures_s},
            {'metric': 'structure_ratio', 'estimate': structure_ratio}
        ]) AS figure
    FROM structure_counts
),
of_groups AS (
    SELECT
        *,
        unnest([
            {'metric': 'within_variance_ratio', 'estimate': within_variance_ratio, 'reason': reason_within},
            {'metric': 'eta2_ratio', 'estimate': eta2_ratio, 'reason': reason_between},
            {'metric': 'group_slope', 'estimate': group_slope, 'reason': reason_between}
        ]) AS figure
    FROM group_contrasts
)
SELECT
    study_id, panel_id, reference_id, 'heterogeneity' AS family, figure.metric AS metric,
    item_id, NULL::VARCHAR AS item_id_2, 'all' AS attribute, 'all' AS level, NULL::VARCHAR AS term,
    figure.estimate AS estimate, n_h, n_s,
    CASE WHEN figure.estimate IS NULL THEN figure.reason END AS reason
FROM per_item
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'heterogeneity', figure.metric,
    NULL, NULL, 'all', 'all', NULL,
    avg(figure.estimate ORDER BY item_id),
    coalesce(min(n_h) FILTER (figure.estimate IS NOT NULL), 0),
    coalesce(min(n_s) FILTER (figure.estimate IS NOT NULL), 0),
    mean_reason(count(figure.estimate), count(*))
FROM per_item
WHERE asked AND figure.metric IN ('variance_ratio', 'entropy_ratio')
GROUP BY study_id, panel_id, reference_id, figure.metric
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'heterogeneity', figure.metric,
    NULL, NULL, 'all', 'all', structure_id,
    figure.estimate, n_h, n_s,
    CASE WHEN figure.estimate IS NULL THEN reason END
FROM of_blocks
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'heterogeneity', figure.metric,
    item_id, NULL, attribute, 'all', NULL,
    figure.estimate, n_h, n_s,
    CASE WHEN figure.estimate IS NULL THEN figure.reason ELSE note END
FROM of_groups
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'heterogeneity', 'memorised_share',
    NULL, NULL, 'all', 'all', NULL, memorised_share, n_h, n_s, reason
FROM memorisation
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'heterogeneity', 'memorised_share_h',
    NULL, NULL, 'all', 'all', NULL, memorised_share_h, n_h, n_s, reason_h
FROM memorisation;

COMMENT ON VIEW heterogeneity IS 'How varied a panel is beside its reference: per item, per declared block (term), per item and attribute, per panel.';
COMMENT ON COLUMN heterogeneity.metric IS 'variance_ratio, sd_ratio, entropy_h, entropy_s, entropy_ratio, modal_share_gap; unique_structures_h/_s, rarefied_structures_h/_s, structure_ratio; within_variance_ratio, eta2_ratio, group_slope; memorised_share, memorised_share_h';
COMMENT ON COLUMN heterogeneity.term IS 'the block of items, for structures';
