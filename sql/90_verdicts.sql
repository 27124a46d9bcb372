-- What it takes to say that a panel is good enough: every rule behind the verdicts, in this one file. The thresholds are
-- those of the study (15_thresholds.sql); their defaults stand in brackets.
--
-- A verdict is never better than its evidence:
--   not evaluated             the figure or its interval is missing, and the panel has no evaluation that would give it
--   undefined                 it was evaluated, and there is none: nobody answered, a regression cannot be fitted; the
--                             reason stands beside
--   too few respondents       those behind the figure, on either side, tell as much as fewer than small_group (30) of
--                             equal weight do
--   within the margin         the whole interval is within the margin around the ideal
--   at the floor              not told apart from people: no farther than 95 % of samples of people of that size are
--                             (subgroups: and so is every group that is not small). That a panel was not told apart
--                             does not show that it is near enough, least of all with few people: `fit` takes a
--                             declared margin, and an interval within it.
--   better than baseline      the whole interval is nearer the ideal than the whole interval of the best baseline
--   worse than baseline       the whole interval is farther from the ideal than that of the best baseline
--   no better than baseline   the intervals overlap: conservative, for a difference may be sure and its intervals touch
-- What was not simulated is not known to be near: `undecided` in place of `at the floor`, `within the margin` and
-- `individuals told apart` where people of some group, no small one, have nobody in the panel (subgroups), or where the
-- panel has no answers to a question, or a pair of them, that the figure is the mean or the worst of.
-- Where there is no evaluated baseline on the same pilot to compare with:
--   differs from people       the whole interval is beyond the floor's upper edge and any margin
--   no baseline               neither that, nor near enough to people to need no baseline
-- `fit` is `not fit` wherever `differs from people` holds, whatever a baseline does: a bad baseline excuses nothing.
-- Inference asks for every declared model at once:
--   recovers the coefficients every model meets sign_f1 (0.9), false_positive_rate (0.1), coefficient_coverage (0.8)
--   not fit for inference     some model misses one, by more than 95 % of pairs of samples of people would
--   undecided                 some are undefined, or missed as another sample of people might miss them
-- Individuals:
--   individuals not told apart   the interval reaches individuals_r (0)
--   individuals told apart       the whole interval is above an individuals_r that the study declares
-- Memorisation: `repeats the pilot` where the whole interval is above what people repeat by coincidence, `no more than
-- coincidence` where all of it is below the upper edge of that, `at the floor` where only the estimate is, else
-- `undecided`. People split in half: `people against people`.

CREATE OR REPLACE VIEW verdict_rules AS
WITH rules AS (
    SELECT * FROM (VALUES
        -- axis, place, family, metric, choice among several, figure taken per, ideal, whether its floor speaks
        ('marginals', 1, 'divergence', 'js_distance', 1, 'panel', 0.0, true),
        ('heterogeneity', 2, 'heterogeneity', 'entropy_ratio', 1, 'panel', 1.0, false),
        ('subgroups', 3, 'subgroups', 'worst_group_js_distance', 1, 'attribute', 0.0, true),
        ('coherence', 4, 'coherence', 'belief_action_gap', 1, 'pair', 0.0, false),
        ('inference', 5, 'recovery', 'sign_f1', 1, 'model', 1.0, false),
        ('individuals', 6, 'fidelity', 'demeaned_r', 1, 'panel', 1.0, false),
        ('individuals', 6, 'fidelity', 'pearson_r', 2, 'panel', 1.0, false),
        ('memorisation', 7, 'heterogeneity', 'memorised_share', 1, 'panel', 0.0, false)
    ) AS rules (axis, position, family, metric, choice, per, ideal, floored)
)
SELECT
    t.study_id, t.study_hash, r.*,
    CASE r.axis
        WHEN 'marginals' THEN t.marginals_margin
        WHEN 'heterogeneity' THEN t.heterogeneity_margin
        WHEN 'subgroups' THEN t.subgroups_margin
        WHEN 'coherence' THEN t.coherence_margin
    END AS margin
FROM study_thresholds AS t
CROSS JOIN rules AS r;

COMMENT ON VIEW verdict_rules IS 'The headline metric of every axis of the scorecard, per study version: its ideal, and the margin that counts as equal.';
COMMENT ON COLUMN verdict_rules.per IS 'panel: one figure; attribute, pair, model: the worst of them speaks for the axis';
COMMENT ON COLUMN verdict_rules.choice IS 'the first that is defined speaks';
COMMENT ON COLUMN verdict_rules.floored IS 'a figure below its floor''s upper edge is not told apart from people';

CREATE OR REPLACE VIEW fit_rules AS
SELECT * FROM (VALUES
    -- verdict, what it says of use on that axis: fit where the panel was shown as near to people as was asked, not fit
    -- where it was shown not to be. Not to be told apart from people is neither, nor is to beat a baseline, or not to.
    ('within the margin', 'fit'),
    ('no more than coincidence', 'fit'),
    ('recovers the coefficients', 'fit'),
    ('individuals told apart', 'fit'),
    ('at the floor', 'undecided'),
    ('better than baseline', 'undecided'),
    ('no better than baseline', 'undecided'),
    ('no baseline', 'undecided'),
    ('undecided', 'undecided'),
    ('too few respondents', 'undecided'),
    ('not evaluated', 'undecided'),
    ('undefined', 'undecided'),
    ('worse than baseline', 'not fit'),
    ('differs from people', 'not fit'),
    ('not fit for inference', 'not fit'),
    ('individuals not told apart', 'not fit'),
    ('repeats the pilot', 'not fit'),
    ('people against people', NULL)
) AS rules (verdict, fit);

COMMENT ON VIEW fit_rules IS 'What every verdict of the scorecard says of use: fit, not fit, undecided; NULL of people themselves.';

CREATE OR REPLACE MACRO fails_inference(sign_f1, false_positive_rate, coverage, least_f1, most_false, least_coverage) AS
    coalesce(sign_f1 < least_f1, false)
    OR coalesce(false_positive_rate > most_false, false)
    OR coalesce(coverage < least_coverage, false);

CREATE OR REPLACE MACRO passes_inference(sign_f1, false_positive_rate, coverage, least_f1, most_false, least_coverage) AS
    coalesce(sign_f1 >= least_f1 AND false_positive_rate <= most_false AND coverage >= least_coverage, false);

-- The whole interval is beyond the floor's upper edge and any margin; NULL or false where neither is known.
CREATE OR REPLACE MACRO differs(ci_low, ci_high, floor_q95, ideal, margin) AS
    ci_low > greatest(floor_q95, ideal + margin) OR ci_high < ideal - margin;

-- floor_q95 is NULL where no floor speaks, margin where none is set.
CREATE OR REPLACE MACRO verdict(
    estimate, ci_low, ci_high, floor_q95, worth_h, worth_s, small, ideal, margin, baseline_low, baseline_high
) AS
    CASE
        WHEN estimate IS NULL OR ci_low IS NULL OR ci_high IS NULL THEN 'not evaluated'
        WHEN worth_h < small OR worth_s < small THEN 'too few respondents'
        WHEN ci_low >= ideal - margin AND ci_high <= ideal + margin THEN 'within the margin'
        WHEN estimate <= floor_q95 THEN 'at the floor'
        WHEN baseline_low IS NULL OR baseline_high IS NULL THEN CASE
            WHEN differs(ci_low, ci_high, floor_q95, ideal, margin) THEN 'differs from people'
            ELSE 'no baseline'
        END
        WHEN loss_high(ci_low, ci_high, ideal) < loss_low(baseline_low, baseline_high, ideal) THEN 'better than baseline'
        WHEN loss_low(ci_low, ci_high, ideal) > loss_high(baseline_low, baseline_high, ideal) THEN 'worse than baseline'
        ELSE 'no better than baseline'
    END;

CREATE OR REPLACE MACRO verdict_on_individuals(
    estimate, ci_low, ci_high, worth_h, worth_s, small, least, declared, baseline_low, baseline_high
) AS
    CASE
        WHEN ci_low <= least AND worth_h >= small AND worth_s >= small THEN 'individuals not told apart'
        WHEN ci_low > least AND declared AND worth_h >= small AND worth_s >= small THEN 'individuals told apart'
        ELSE verdict(estimate, ci_low, ci_high, NULL, worth_h, worth_s, small, 1.0, NULL, baseline_low, baseline_high)
    END;

CREATE OR REPLACE MACRO verdict_on_memorisation(estimate, ci_low, ci_high, floor_q95, worth_h, worth_s, small) AS
    CASE
        WHEN estimate IS NULL OR ci_low IS NULL OR ci_high IS NULL OR floor_q95 IS NULL THEN 'not evaluated'
        WHEN worth_h < small OR worth_s < small THEN 'too few respondents'
        WHEN ci_high <= floor_q95 THEN 'no more than coincidence'
        WHEN estimate <= floor_q95 THEN 'at the floor'
        WHEN ci_low > floor_q95 THEN 'repeats the pilot'
        ELSE 'undecided'
    END;

CREATE OR REPLACE MACRO verdict_on_inference(models, undefined, failed, passed, worth_h, worth_s, small) AS
    CASE
        WHEN coalesce(models, 0) = 0 OR models = undefined THEN 'not evaluated'
        WHEN worth_h < small OR worth_s < small THEN 'too few respondents'
        WHEN failed > 0 THEN 'not fit for inference'
        WHEN passed = models THEN 'recovers the coefficients'
        ELSE 'undecided'
    END;

-- Once a panel was evaluated, what is missing is missing for a reason: few respondents, where there is a figure all the
-- same, else that it is undefined.
CREATE OR REPLACE MACRO once_evaluated(verdict, evaluated, estimate, worth_h, worth_s, small) AS
    CASE
        WHEN verdict <> 'not evaluated' OR NOT evaluated THEN verdict
        WHEN estimate IS NOT NULL AND (worth_h < small OR worth_s < small) THEN 'too few respondents'
        ELSE 'undefined'
    END;
