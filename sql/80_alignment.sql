-- Every number in one place, with its interval and floor beside it. The estimate is always this catalog's; intervals,
-- floors and p-values come from the evaluation that speaks.

CREATE OR REPLACE VIEW alignment AS
WITH metrics AS (
    SELECT * FROM item_metrics
    UNION ALL
    SELECT * FROM panel_metrics
    UNION ALL
    SELECT * FROM coherence
    UNION ALL
    SELECT * FROM recovery
    UNION ALL
    SELECT * FROM fidelity
)
SELECT
    m.study_id, m.panel_id, m.reference_id, m.family, m.metric,
    m.item_id, m.item_id_2, m.attribute, m.level, m.term,
    m.estimate, interval_end(e.ci_low, m.estimate) AS ci_low, interval_end(e.ci_high, m.estimate) AS ci_high, e.floor, e.floor_q95, e.p_value,
    m.n_h, m.n_s, m.effective_h, m.effective_s,
    coalesce(
        m.reason, e.reason,
        CASE WHEN m.metric = 'chi2_df' AND m.estimate IS NOT NULL THEN 'no interval: a number of options' END
    ) AS reason
FROM metrics AS m
LEFT JOIN estimates AS e
    ON e.panel_id = m.panel_id
    AND e.family = m.family
    AND e.metric = m.metric
    AND e.item_id IS NOT DISTINCT FROM m.item_id
    AND e.item_id_2 IS NOT DISTINCT FROM m.item_id_2
    AND e.attribute = m.attribute
    AND e.level = m.level
    AND e.term IS NOT DISTINCT FROM m.term
UNION ALL
-- What only an evaluation can give: likelihoods to be maximised, cross-validation, people against themselves.
SELECT
    v.study_id, e.panel_id, coalesce(v.reference_id, e.panel_id), e.family, e.metric,
    e.item_id, e.item_id_2, e.attribute, e.level, e.term,
    e.estimate, interval_end(e.ci_low, e.estimate), interval_end(e.ci_high, e.estimate), e.floor, e.floor_q95, e.p_value,
    e.n_h, e.n_s, e.effective_h, e.effective_s,
    CASE WHEN e.estimate IS NULL THEN e.reason
        ELSE coalesce(small_n(e.attribute, least(e.effective_h, e.effective_s), t.small_group), e.reason) END
FROM estimates AS e
JOIN evaluations AS v ON v.evaluation_id = e.evaluation_id AND v.panel_id = e.panel_id
LEFT JOIN study_thresholds AS t ON t.study_id = v.study_id AND t.study_hash = v.study_hash
ANTI JOIN metrics AS m
    ON e.panel_id = m.panel_id
    AND e.family = m.family
    AND e.metric = m.metric
    AND e.item_id IS NOT DISTINCT FROM m.item_id
    AND e.item_id_2 IS NOT DISTINCT FROM m.item_id_2
    AND e.attribute = m.attribute
    AND e.level = m.level
    AND e.term IS NOT DISTINCT FROM m.term;

COMMENT ON VIEW alignment IS 'Every alignment metric of every compared panel: one row a number. item_id NULL (and term NULL): the mean over the asked items, or a figure of the whole panel.';
COMMENT ON COLUMN alignment.family IS 'divergence, heterogeneity, subgroups, coherence, recovery or fidelity';
COMMENT ON COLUMN alignment.estimate IS 'the figure; NULL where undefined, and then reason says why';
COMMENT ON COLUMN alignment.ci_low IS '95 % interval; NULL until the panel is evaluated';
COMMENT ON COLUMN alignment.ci_high IS '95 % interval; NULL until the panel is evaluated';
COMMENT ON COLUMN alignment.floor IS 'mean of the figure between two samples of people of these sizes; of ratios the median';
COMMENT ON COLUMN alignment.floor_q95 IS '95 % quantile of the figure between two samples of people of these sizes';
COMMENT ON COLUMN alignment.n_h IS 'people behind the figure, those of weight 0 too, but for predictability, whose models leave them out; for a mean, the fewest of any item in it. small_n goes by what weights leave';
COMMENT ON COLUMN alignment.n_s IS 'simulated respondents behind the figure';
COMMENT ON COLUMN alignment.effective_h IS 'how many people of equal weight tell as much as these: (sum w)^2 / sum w^2 (Kish 1965), n_h where a figure counts everybody once; small_n and verdicts go by it';
COMMENT ON COLUMN alignment.effective_s IS 'the same of simulated respondents';
COMMENT ON COLUMN alignment.reason IS 'why the estimate is NULL, or what to bear in mind: small_n, not simulated, no interval';
