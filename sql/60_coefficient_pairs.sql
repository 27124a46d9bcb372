-- The same regression on people and on simulated respondents, coefficient beside coefficient, matched by name.
-- The panel's side is fitted on all of it, the people's on the part it is judged by. A panel with more cases than people
-- would find everything significant: its class, its interval and what they cover are taken at the people's n, where
-- standard errors are larger by sqrt(n_s / n_h). The evaluation knows Student's law and states the p-value and interval.

CREATE OR REPLACE VIEW coefficient_pairs AS
WITH h AS (
    SELECT c.study_id, c.panel_id, c.reference_id, f.n, k.* EXCLUDE (panel_id, evaluation_id, split)
    FROM comparisons AS c
    JOIN coefficients AS k ON k.panel_id = c.reference_id AND k.split = part_of(c.reference_split)
    JOIN fits AS f
        ON f.panel_id = k.panel_id AND f.split = k.split AND f.regression_id = k.regression_id
        AND f.attribute = k.attribute AND f.level = k.level
),
s AS (
    SELECT c.study_id, c.panel_id, c.reference_id, f.n, k.* EXCLUDE (panel_id, evaluation_id, split)
    FROM comparisons AS c
    JOIN coefficients AS k ON k.panel_id = c.panel_id AND k.split = 'all'
    JOIN fits AS f
        ON f.panel_id = k.panel_id AND f.split = k.split AND f.regression_id = k.regression_id
        AND f.attribute = k.attribute AND f.level = k.level
),
-- A model fitted on one side only compares nothing.
fitted AS (
    SELECT panel_id, attribute, level, regression_id FROM h
    INTERSECT
    SELECT panel_id, attribute, level, regression_id FROM s
),
matched AS (
    SELECT
        coalesce(h.study_id, s.study_id) AS study_id,
        coalesce(h.panel_id, s.panel_id) AS panel_id,
        coalesce(h.reference_id, s.reference_id) AS reference_id,
        coalesce(h.regression_id, s.regression_id) AS regression_id,
        coalesce(h.attribute, s.attribute) AS attribute,
        coalesce(h.level, s.level) AS level,
        coalesce(h.term, s.term) AS term,
        coalesce(h.kind, s.kind) AS kind,
        h.estimate AS estimate_h, h.se AS se_h, h.p_value AS p_value_h, h.ci_low AS ci_low_h, h.ci_high AS ci_high_h,
        s.estimate AS estimate_s, s.se AS se_s, s.p_value AS p_value_s, s.ci_low AS ci_low_s, s.ci_high AS ci_high_s,
        h.n AS n_h, s.n AS n_s,
        s.se * sqrt(greatest(1, s.n / h.n)) AS se_s_equal_n,
        CASE WHEN s.n > h.n THEN s.p_value_equal_n ELSE s.p_value END AS p_value_s_equal_n,
        CASE WHEN s.n > h.n THEN s.ci_low_equal_n ELSE s.ci_low END AS ci_low_s_equal_n,
        CASE WHEN s.n > h.n THEN s.ci_high_equal_n ELSE s.ci_high END AS ci_high_s_equal_n,
        s.p_difference,
        CASE WHEN h.term IS NULL THEN 'not in the reference''s fit' WHEN s.term IS NULL THEN 'not in the panel''s fit' END
            AS reason
    FROM h
    FULL JOIN s USING (panel_id, attribute, level, regression_id, term)
)
SELECT
    * EXCLUDE (p_difference, reason),
    significance(estimate_h, p_value_h) AS class_h,
    significance(estimate_s, p_value_s_equal_n) AS class_s,
    sign(estimate_h) = sign(estimate_s) AS sign_agreement,
    ci_low_h <= ci_high_s_equal_n AND ci_low_s_equal_n <= ci_high_h AS interval_overlap,
    ratio(estimate_s - estimate_h, sqrt(se_s ** 2 + se_h ** 2)) AS z_difference,
    p_difference,
    ratio(estimate_s - estimate_h, se_h) AS standardised_bias,
    estimate_h BETWEEN ci_low_s_equal_n AND ci_high_s_equal_n AS covered,
    reason
FROM matched
SEMI JOIN fitted USING (panel_id, attribute, level, regression_id);

COMMENT ON VIEW coefficient_pairs IS 'One row a coefficient of a declared regression, fitted on everybody (attribute = all) and within every declared subgroup: people (h) beside compared panel (s).';
COMMENT ON COLUMN coefficient_pairs.n_h IS 'people the model was fitted on';
COMMENT ON COLUMN coefficient_pairs.se_s_equal_n IS 'se_s at the people''s n: times sqrt(n_s / n_h) where the panel has more cases, else se_s itself';
COMMENT ON COLUMN coefficient_pairs.p_value_s_equal_n IS 'p_value_s at the people''s n, where the panel has more cases';
COMMENT ON COLUMN coefficient_pairs.ci_low_s_equal_n IS 'ci_low_s at the people''s n, where the panel has more cases';
COMMENT ON COLUMN coefficient_pairs.ci_high_s_equal_n IS 'ci_high_s at the people''s n, where the panel has more cases';
COMMENT ON COLUMN coefficient_pairs.class_h IS '-1, 0 or +1: sign where p < 0.05, else 0';
COMMENT ON COLUMN coefficient_pairs.class_s IS '-1, 0 or +1: sign where p < 0.05 at the people''s n, else 0';
COMMENT ON COLUMN coefficient_pairs.interval_overlap IS 'whether the two 95 % intervals share a point, the panel''s at the people''s n';
COMMENT ON COLUMN coefficient_pairs.z_difference IS '(s - h) / sqrt(se_s^2 + se_h^2), each side with its own standard error';
COMMENT ON COLUMN coefficient_pairs.p_difference IS 'two-sided normal p-value of z_difference: whether the coefficients differ; NULL until the panel is evaluated';
COMMENT ON COLUMN coefficient_pairs.standardised_bias IS '(s - h) / se_h';
COMMENT ON COLUMN coefficient_pairs.covered IS 'whether the people''s estimate lies in the panel''s 95 % interval at the people''s n';
