-- How varied a panel is beside people: spread and entropy of answers, belief structures, groups, memorised answers.

CREATE OR REPLACE VIEW panel_metrics AS
WITH of_blocks AS (
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
    NULL::VARCHAR AS item_id, NULL::VARCHAR AS item_id_2, attribute, level, structure_id AS term,
    -- Structures are counted, whatever each respondent weighs: they are worth their number.
    figure.estimate AS estimate, n_h, n_s, n_h::DOUBLE AS effective_h, n_s::DOUBLE AS effective_s,
    CASE WHEN figure.estimate IS NULL THEN reason ELSE small_n(attribute, least(n_h, n_s), small_group) END AS reason
FROM of_blocks
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'heterogeneity', figure.metric,
    item_id, NULL, attribute, 'all', NULL,
    figure.estimate, n_h, n_s, effective_h, effective_s,
    CASE WHEN figure.estimate IS NULL THEN figure.reason ELSE note END
FROM of_groups
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'heterogeneity', 'memorised_share',
    NULL, NULL, attribute, level, NULL, memorised_share, n_h, n_s, effective_h, effective_s,
    CASE WHEN memorised_share IS NULL THEN reason
        ELSE small_n(attribute, least(effective_h, effective_s), small_group) END
FROM memorisation
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'heterogeneity', 'memorised_share_h',
    NULL, NULL, attribute, level, NULL, memorised_share_h, n_h, n_s, effective_h,
    effective_s,
    CASE WHEN memorised_share_h IS NULL THEN reason_h
        ELSE small_n(attribute, least(effective_h, effective_s), small_group) END
FROM memorisation;

COMMENT ON VIEW panel_metrics IS 'How varied a panel and its subgroups are as a whole: per declared block (term), per item and attribute, in memory of the pilot.';

CREATE OR REPLACE VIEW heterogeneity AS
SELECT * FROM item_metrics WHERE family = 'heterogeneity'
UNION ALL
SELECT * FROM panel_metrics;

COMMENT ON VIEW heterogeneity IS 'How varied a panel is beside its reference: per item, per declared block (term), per item and attribute; in everybody and in every declared subgroup.';
COMMENT ON COLUMN heterogeneity.metric IS '${METRICS:heterogeneity}';
COMMENT ON COLUMN heterogeneity.term IS 'the block of items, for structures';
