-- Whether the conclusions of a regression survive: counts of coefficients by sign and significance, per model.
-- Intercepts and thresholds are left out. A panel with more cases than people is classed at the people's n, as in
-- coefficient_pairs. Against the people's fit, a coefficient of the panel is
--   tp  significant on both sides with the same sign
--   fp  significant in the panel, not so in people, or with the opposite sign
--   fn  significant in people, not so in the panel, or with the opposite sign, or not in the panel's fit
--   tn  significant on neither side
-- so a reversed sign is both a false claim (fp) and a miss (fn), and counts against precision, recall and
-- false_positive_rate alike; `sign_reversals` says how many there are.

CREATE OR REPLACE VIEW recovery AS
WITH counted AS (
    SELECT
        panel_id, attribute, level, regression_id,
        count(*) FILTER (class_h <> 0 AND class_s = class_h)::DOUBLE AS tp,
        count(*) FILTER (class_s <> 0 AND class_s <> class_h)::DOUBLE AS fp,
        count(*) FILTER (class_h <> 0 AND class_s IS DISTINCT FROM class_h)::DOUBLE AS fn,
        count(*) FILTER (class_h = 0 AND class_s = 0)::DOUBLE AS tn,
        count(*) FILTER (class_h * class_s = -1)::DOUBLE AS sign_reversals,
        count(*) FILTER (class_h IS NOT NULL) AS classed,
        count(*) FILTER (reason IS NOT NULL) AS unmatched,
        count(*) FILTER (estimate_h IS NOT NULL AND estimate_s IS NOT NULL) AS matched,
        sqrt(sum((estimate_s - estimate_h) ** 2)) AS coefficient_distance,
        avg(estimate_h) FILTER (estimate_s IS NOT NULL) AS mean_h,
        avg(estimate_s) FILTER (estimate_h IS NOT NULL) AS mean_s,
        avg(covered::INTEGER) AS coefficient_coverage
    FROM coefficient_pairs
    WHERE kind = 'slope'
    GROUP BY ALL
),
moments AS (
    SELECT
        k.panel_id, k.attribute, k.level, k.regression_id,
        sum((k.estimate_h - c.mean_h) * (k.estimate_s - c.mean_s)) AS covariance,
        sum((k.estimate_h - c.mean_h) ** 2) AS variance_h,
        sum((k.estimate_s - c.mean_s) ** 2) AS variance_s
    FROM coefficient_pairs AS k
    JOIN counted AS c USING (panel_id, attribute, level, regression_id)
    WHERE k.kind = 'slope' AND k.estimate_h IS NOT NULL AND k.estimate_s IS NOT NULL
    GROUP BY ALL
),
models AS (
    SELECT
        c.study_id, c.panel_id, c.reference_id, c.small_group, r.regression_id, d.attribute, d.level,
        coalesce(h.n, 0) AS n_h,
        coalesce(s.n, 0) AS n_s,
        coalesce(h.effective, 0) AS effective_h,
        coalesce(s.effective, 0) AS effective_s,
        k.* EXCLUDE (panel_id, attribute, level, regression_id),
        CASE WHEN k.matched > 2
            THEN clamp(ratio(m.covariance, sqrt(m.variance_h) * sqrt(m.variance_s)), -1, 1) END AS coefficient_correlation,
        CASE
            WHEN s.panel_id IS NULL THEN 'not evaluated'
            WHEN h.panel_id IS NULL THEN 'reference not evaluated'
            WHEN h.reason IS NOT NULL THEN 'reference: ' || h.reason
            WHEN s.reason IS NOT NULL THEN 'panel: ' || s.reason
            WHEN coalesce(k.matched, 0) = 0 THEN 'no slope in common'
        END AS reason
    FROM comparisons AS c
    JOIN regressions AS r USING (study_id, study_hash)
    JOIN groupings AS d USING (study_id, study_hash)
    LEFT JOIN fits AS h
        ON h.panel_id = c.reference_id AND h.split = part_of(c.reference_split) AND h.regression_id = r.regression_id
        AND h.attribute = d.attribute AND h.level = d.level
    LEFT JOIN fits AS s
        ON s.panel_id = c.panel_id AND s.split = 'all' AND s.regression_id = r.regression_id
        AND s.attribute = d.attribute AND s.level = d.level
    LEFT JOIN counted AS k
        ON k.panel_id = c.panel_id AND k.regression_id = r.regression_id
        AND k.attribute = d.attribute AND k.level = d.level
    LEFT JOIN moments AS m
        ON m.panel_id = c.panel_id AND m.regression_id = r.regression_id
        AND m.attribute = d.attribute AND m.level = d.level
),
figures AS (
    SELECT
        *,
        unnest([
            {'metric': 'tp', 'estimate': tp, 'undefined': NULL},
            {'metric': 'fp', 'estimate': fp, 'undefined': NULL},
            {'metric': 'fn', 'estimate': fn, 'undefined': NULL},
            {'metric': 'tn', 'estimate': tn, 'undefined': NULL},
            {'metric': 'sign_reversals', 'estimate': sign_reversals, 'undefined': NULL},
            {'metric': 'sign_precision', 'estimate': ratio(tp, tp + fp),
                'undefined': 'nothing is significant in the panel'},
            {'metric': 'sign_recall', 'estimate': ratio(tp, tp + fn),
                'undefined': 'nothing is significant in the reference'},
            {'metric': 'sign_f1', 'estimate': ratio(2 * tp, 2 * tp + fp + fn),
                'undefined': 'nothing is significant on either side'},
            {'metric': 'false_positive_rate', 'estimate': ratio(fp, fp + tn),
                'undefined': 'neither a false positive nor a true negative'},
            {'metric': 'coefficient_distance', 'estimate': coefficient_distance, 'undefined': 'no slope in common'},
            {'metric': 'coefficient_correlation', 'estimate': coefficient_correlation,
                'undefined': CASE WHEN matched > 2 THEN 'the slopes of one side are equal' ELSE 'fewer than three slopes' END},
            {'metric': 'coefficient_coverage', 'estimate': coefficient_coverage, 'undefined': 'no interval in the panel'}
        ]) AS figure
    FROM models
)
SELECT
    study_id, panel_id, reference_id, 'recovery' AS family, figure.metric AS metric,
    NULL::VARCHAR AS item_id, NULL::VARCHAR AS item_id_2, attribute, level, regression_id AS term,
    CASE WHEN reason IS NULL THEN figure.estimate END AS estimate, n_h, n_s, effective_h, effective_s,
    CASE
        WHEN reason IS NOT NULL THEN reason
        WHEN figure.estimate IS NULL THEN figure.undefined
        WHEN unmatched > 0 THEN unmatched || ' slopes in one fit only'
        ELSE small_n(attribute, least(effective_h, effective_s), small_group)
    END AS reason
FROM figures;

COMMENT ON VIEW recovery IS 'Recovery of the coefficients of every declared regression (term), fitted on everybody and within every declared subgroup: signs, significance, size.';
COMMENT ON COLUMN recovery.metric IS '${METRICS:recovery}';
COMMENT ON COLUMN recovery.n_h IS 'people the model was fitted on';
