-- The same regression on people and on simulated respondents, coefficient beside coefficient, matched by name.
-- The panel's side is fitted on all of it, the people's on the part it is judged by.

CREATE OR REPLACE VIEW coefficient_pairs AS
WITH h AS (
    SELECT c.study_id, c.panel_id, c.reference_id, k.* EXCLUDE (panel_id, evaluation_id, split)
    FROM comparisons AS c
    JOIN coefficients AS k ON k.panel_id = c.reference_id AND k.split = part_of(c.reference_split)
),
s AS (
    SELECT c.study_id, c.panel_id, c.reference_id, k.* EXCLUDE (panel_id, evaluation_id, split)
    FROM comparisons AS c
    JOIN coefficients AS k ON k.panel_id = c.panel_id AND k.split = 'all'
),
-- A model fitted on one side only compares nothing.
fitted AS (
    SELECT panel_id, regression_id FROM h INTERSECT SELECT panel_id, regression_id FROM s
),
matched AS (
    SELECT
        coalesce(h.study_id, s.study_id) AS study_id,
        coalesce(h.panel_id, s.panel_id) AS panel_id,
        coalesce(h.reference_id, s.reference_id) AS reference_id,
        coalesce(h.regression_id, s.regression_id) AS regression_id,
        coalesce(h.term, s.term) AS term,
        coalesce(h.kind, s.kind) AS kind,
        h.estimate AS estimate_h, h.se AS se_h, h.p_value AS p_value_h, h.ci_low AS ci_low_h, h.ci_high AS ci_high_h,
        s.estimate AS estimate_s, s.se AS se_s, s.p_value AS p_value_s, s.ci_low AS ci_low_s, s.ci_high AS ci_high_s,
        significance(h.estimate, h.p_value) AS class_h,
        significance(s.estimate, s.p_value) AS class_s,
        CASE WHEN h.term IS NULL THEN 'not in the reference''s fit' WHEN s.term IS NULL THEN 'not in the panel''s fit' END
            AS reason
    FROM h
    FULL JOIN s USING (panel_id, regression_id, term)
)
SELECT
    * EXCLUDE (reason),
    sign(estimate_h) = sign(estimate_s) AS sign_agreement,
    ci_low_h <= ci_high_s AND ci_low_s <= ci_high_h AS interval_overlap,
    ratio(estimate_s - estimate_h, sqrt(se_s ** 2 + se_h ** 2)) AS z_difference,
    ratio(estimate_s - estimate_h, se_h) AS standardised_bias,
    estimate_h BETWEEN ci_low_s AND ci_high_s AS covered,
    reason
FROM matched
SEMI JOIN fitted USING (panel_id, regression_id);

COMMENT ON VIEW coefficient_pairs IS 'One row a coefficient of a declared regression: people (h) beside compared panel (s).';
COMMENT ON COLUMN coefficient_pairs.class_h IS '-1, 0 or +1: sign where p < 0.05, else 0';
COMMENT ON COLUMN coefficient_pairs.class_s IS '-1, 0 or +1: sign where p < 0.05, else 0';
COMMENT ON COLUMN coefficient_pairs.interval_overlap IS 'whether the two 95 % intervals share a point';
COMMENT ON COLUMN coefficient_pairs.z_difference IS '(s - h) / sqrt(se_s^2 + se_h^2)';
COMMENT ON COLUMN coefficient_pairs.standardised_bias IS '(s - h) / se_h';
COMMENT ON COLUMN coefficient_pairs.covered IS 'whether the people''s estimate lies in the panel''s 95 % interval';
