-- What it takes to say that a panel is good enough: every rule and threshold behind the verdicts, in this one file.
--
-- A verdict is never better than its evidence:
--   not evaluated             the figure or its interval is missing
--   too few respondents       fewer than 30 stand behind the figure on either side
--   at the floor              no farther from people than 95 % of samples of people of that size are
--                             (subgroups: and so is every group of 30 and more)
--   within the margin         the whole interval is within the margin around the ideal
--   better than baseline      the whole interval is nearer the ideal than the whole interval of the best baseline
--   worse than baseline       the whole interval is farther from the ideal than that of the best baseline
--   no better than baseline   the intervals overlap
-- Where there is no evaluated baseline on the same pilot to compare with:
--   differs from people       the whole interval is beyond the floor's upper edge, or outside the margin
--   no baseline               neither that, nor near enough to people to need no baseline
-- Inference asks for every declared model at once:
--   recovers the coefficients every model meets all three thresholds
--   not fit for inference     some model misses one
--   undecided                 none is missed, some are undefined
-- Individuals: `individuals not told apart` where the interval reaches 0. Memorisation: `repeats the pilot` where the
-- whole interval is above what people repeat by coincidence, `undecided` where only the estimate is.

CREATE OR REPLACE VIEW verdict_rules AS
SELECT * FROM (VALUES
    -- axis, place, family, metric, choice among several, figure taken per, ideal, margin around it
    ('marginals', 1, 'divergence', 'js_distance', 1, 'panel', 0.0, NULL::DOUBLE),
    ('heterogeneity', 2, 'heterogeneity', 'entropy_ratio', 1, 'panel', 1.0, 0.1),
    ('subgroups', 3, 'subgroups', 'worst_group_js_distance', 1, 'attribute', 0.0, NULL),
    ('coherence', 4, 'coherence', 'belief_action_gap', 1, 'pair', 0.0, 0.05),
    ('inference', 5, 'recovery', 'sign_f1', 1, 'model', 1.0, NULL),
    ('individuals', 6, 'fidelity', 'demeaned_r', 1, 'panel', 1.0, NULL),
    ('individuals', 6, 'fidelity', 'pearson_r', 2, 'panel', 1.0, NULL),
    ('memorisation', 7, 'heterogeneity', 'memorised_share', 1, 'panel', 0.0, NULL)
) AS rules (axis, position, family, metric, choice, per, ideal, margin);

COMMENT ON VIEW verdict_rules IS 'The headline metric of every axis of the scorecard: its ideal, and the margin that counts as equal.';
COMMENT ON COLUMN verdict_rules.per IS 'panel: one figure; attribute, pair, model: the worst of them speaks for the axis';
COMMENT ON COLUMN verdict_rules.choice IS 'the first that is defined speaks';

-- Intervals in closed form, for figures that an evaluation does not resample: Fisher's for a correlation, which is
-- wider than that of a mean of several correlations, and Wilson's for a share. 1.96 stands for 95 %.
CREATE OR REPLACE MACRO fisher_bound(r, n, z) AS
    CASE WHEN n > 3 AND abs(r) < 1 THEN tanh(atanh(r) + z / sqrt(n - 3)) END;

CREATE OR REPLACE MACRO wilson_bound(share, n, z) AS
    CASE WHEN n > 0 THEN
        (share + z * z / (2 * n) + z * sqrt(share * (1 - share) / n + z * z / (4.0 * n * n))) / (1 + z * z / n)
    END;

CREATE OR REPLACE MACRO closed_bound(metric, estimate, n_h, n_s, z) AS
    CASE metric
        WHEN 'pearson_r' THEN fisher_bound(estimate, n_s, z)
        WHEN 'demeaned_r' THEN fisher_bound(estimate, n_s, z)
        WHEN 'memorised_share' THEN wilson_bound(estimate, n_s, z)
        WHEN 'memorised_share_h' THEN wilson_bound(estimate, n_h, z)
    END;

-- Two samples of people of one size cover each other's coefficients 83 % of the time, so no more is asked.
CREATE OR REPLACE MACRO fails_inference(sign_f1, false_positive_rate, coverage) AS
    coalesce(sign_f1 < 0.9, false) OR coalesce(false_positive_rate > 0.1, false) OR coalesce(coverage < 0.8, false);

CREATE OR REPLACE MACRO passes_inference(sign_f1, false_positive_rate, coverage) AS
    coalesce(sign_f1 >= 0.9 AND false_positive_rate <= 0.1 AND coverage >= 0.8, false);

CREATE OR REPLACE MACRO verdict(
    estimate, ci_low, ci_high, floor_q95, n_h, n_s, ideal, margin, baseline_low, baseline_high
) AS
    CASE
        WHEN estimate IS NULL OR ci_low IS NULL OR ci_high IS NULL THEN 'not evaluated'
        WHEN n_h < small_group() OR n_s < small_group() THEN 'too few respondents'
        WHEN margin IS NULL AND ideal = 0 AND estimate <= floor_q95 THEN 'at the floor'
        WHEN ci_low >= ideal - margin AND ci_high <= ideal + margin THEN 'within the margin'
        WHEN baseline_low IS NULL OR baseline_high IS NULL THEN CASE
            WHEN margin IS NULL AND ideal = 0 AND ci_low > floor_q95 THEN 'differs from people'
            WHEN ci_low > ideal + margin OR ci_high < ideal - margin THEN 'differs from people'
            ELSE 'no baseline'
        END
        WHEN loss_high(ci_low, ci_high, ideal) < loss_low(baseline_low, baseline_high, ideal) THEN 'better than baseline'
        WHEN loss_low(ci_low, ci_high, ideal) > loss_high(baseline_low, baseline_high, ideal) THEN 'worse than baseline'
        ELSE 'no better than baseline'
    END;

CREATE OR REPLACE MACRO verdict_on_memorisation(estimate, ci_low, ci_high, floor_q95, n_h, n_s) AS
    CASE
        WHEN estimate IS NULL OR ci_low IS NULL OR ci_high IS NULL OR floor_q95 IS NULL THEN 'not evaluated'
        WHEN n_h < small_group() OR n_s < small_group() THEN 'too few respondents'
        WHEN estimate <= floor_q95 THEN 'at the floor'
        WHEN ci_low > floor_q95 THEN 'repeats the pilot'
        ELSE 'undecided'
    END;

CREATE OR REPLACE MACRO verdict_on_inference(models, undefined, failed, passed, n_h, n_s) AS
    CASE
        WHEN coalesce(models, 0) = 0 OR models = undefined THEN 'not evaluated'
        WHEN n_h < small_group() OR n_s < small_group() THEN 'too few respondents'
        WHEN failed > 0 THEN 'not fit for inference'
        WHEN passed = models THEN 'recovers the coefficients'
        ELSE 'undecided'
    END;
