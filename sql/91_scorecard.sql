-- What a panel is fit for: one row a compared panel and axis, the worst figure of the axis speaking for it, with the
-- untuned base model and the best baseline on the same pilot beside it. The rules stand in 90_verdicts.sql.

CREATE OR REPLACE VIEW scorecard AS
WITH compared AS (
    SELECT c.*, p.label, p.strategy, p.pilot_n, p.base_fingerprint, p.created_at
    FROM comparisons AS c
    JOIN panels AS p ON p.panel_id = c.panel_id
),
figures AS MATERIALIZED (
    SELECT
        a.* REPLACE (
            coalesce(a.ci_low, closed_bound(a.metric, a.estimate, a.n_h, a.n_s, -1.96)) AS ci_low,
            coalesce(a.ci_high, closed_bound(a.metric, a.estimate, a.n_h, a.n_s, 1.96)) AS ci_high
        )
    FROM alignment AS a
    WHERE a.metric IN (SELECT metric FROM verdict_rules)
        OR a.metric IN ('false_positive_rate', 'coefficient_coverage', 'memorised_share_h')
),
candidates AS (
    SELECT f.*, r.axis, r.choice, r.ideal, r.margin, loss(f.estimate, r.ideal) AS loss
    FROM figures AS f
    JOIN verdict_rules AS r USING (family, metric)
    WHERE CASE r.per
        WHEN 'panel' THEN f.item_id IS NULL AND f.attribute = 'all' AND f.term IS NULL
        WHEN 'attribute' THEN f.item_id IS NULL
        WHEN 'pair' THEN f.attribute = 'all'
        ELSE true
    END
),
headlines AS (
    -- Small groups speak for an axis only where all its worst groups are small. Distances from people are compared
    -- after taking their floors off, for small groups have larger ones.
    SELECT *
    FROM candidates
    QUALIFY row_number() OVER (
        PARTITION BY panel_id, axis
        ORDER BY
            estimate IS NULL,
            choice,
            axis = 'subgroups' AND n_h < small_group(),
            loss - CASE WHEN ideal = 0 AND margin IS NULL THEN coalesce(floor, 0) ELSE 0 END DESC NULLS LAST,
            attribute, level, term
    ) = 1
),
peers AS (
    -- The same figure of other panels that were judged by the same people. The level of a worst group may differ.
    SELECT
        h.panel_id, h.axis, o.kind, o.strategy, x.panel_id AS peer_id, x.estimate, x.ci_low, x.ci_high, x.loss,
        o.base_fingerprint IS NOT DISTINCT FROM c.base_fingerprint AS same_model,
        o.created_at
    FROM headlines AS h
    JOIN compared AS c ON c.panel_id = h.panel_id
    JOIN compared AS o
        ON o.study_hash = c.study_hash
        AND o.study_id = c.study_id
        AND o.reference_id = c.reference_id
        AND o.reference_split IS NOT DISTINCT FROM c.reference_split
        AND (o.strategy = 'base' OR (o.kind = 'baseline' AND o.pilot_n = c.pilot_n AND o.panel_id <> c.panel_id))
    JOIN candidates AS x
        ON x.panel_id = o.panel_id
        AND x.axis = h.axis
        AND x.metric = h.metric
        AND x.attribute = h.attribute
        AND x.item_id IS NOT DISTINCT FROM h.item_id
        AND x.item_id_2 IS NOT DISTINCT FROM h.item_id_2
        AND x.term IS NOT DISTINCT FROM h.term
    WHERE x.estimate IS NOT NULL
),
bases AS (
    SELECT *
    FROM peers
    WHERE strategy = 'base'
    QUALIFY row_number() OVER (
        PARTITION BY panel_id, axis ORDER BY same_model DESC, created_at DESC NULLS LAST, peer_id
    ) = 1
),
baselines AS (
    SELECT *
    FROM peers
    WHERE kind = 'baseline'
    QUALIFY row_number() OVER (PARTITION BY panel_id, axis ORDER BY loss, peer_id) = 1
),
models AS (
    SELECT
        panel_id,
        term,
        max(estimate) FILTER (metric = 'sign_f1') AS sign_f1,
        max(estimate) FILTER (metric = 'false_positive_rate') AS false_positive_rate,
        max(estimate) FILTER (metric = 'coefficient_coverage') AS coverage
    FROM figures
    WHERE family = 'recovery'
    GROUP BY ALL
),
inference AS (
    SELECT
        panel_id,
        count(*) AS models,
        count(*) FILTER (sign_f1 IS NULL AND false_positive_rate IS NULL AND coverage IS NULL) AS undefined,
        count(*) FILTER (fails_inference(sign_f1, false_positive_rate, coverage)) AS failed,
        count(*) FILTER (passes_inference(sign_f1, false_positive_rate, coverage)) AS passed
    FROM models
    GROUP BY ALL
),
groups AS (
    -- One worst group at its floor says nothing of the others: every group of some size has to be at its own.
    SELECT panel_id, count(*) FILTER (estimate > floor_q95) AS beyond, count(*) AS groups
    FROM figures
    WHERE family = 'subgroups' AND metric = 'js_distance' AND item_id IS NULL
        AND n_h >= small_group() AND n_s >= small_group()
    GROUP BY panel_id
),
coincidence AS (
    SELECT panel_id, estimate AS floor, ci_high AS floor_q95 FROM figures WHERE metric = 'memorised_share_h'
),
axes AS (
    SELECT DISTINCT axis, position FROM verdict_rules
)
SELECT
    c.study_id, c.panel_id, c.kind, c.label, c.strategy, c.pilot_n, c.reference_id, c.reference_split,
    x.axis, x.position,
    h.metric, h.item_id, h.item_id_2, h.attribute, h.level, h.term,
    h.estimate, h.ci_low, h.ci_high,
    CASE WHEN x.axis = 'memorisation' THEN coalesce(h.floor, m.floor) ELSE h.floor END AS floor,
    CASE WHEN x.axis = 'memorisation' THEN coalesce(h.floor_q95, m.floor_q95) ELSE h.floor_q95 END AS floor_q95,
    b.peer_id AS base_panel_id,
    b.estimate AS base_estimate,
    l.peer_id AS baseline_panel_id,
    l.estimate AS baseline_estimate,
    l.ci_low AS baseline_ci_low,
    l.ci_high AS baseline_ci_high,
    h.n_h, h.n_s,
    CASE
        WHEN x.axis = 'inference'
            THEN verdict_on_inference(i.models, i.undefined, i.failed, i.passed, h.n_h, h.n_s)
        WHEN x.axis = 'memorisation'
            THEN verdict_on_memorisation(
                h.estimate, h.ci_low, h.ci_high, coalesce(h.floor_q95, m.floor_q95), h.n_h, h.n_s)
        WHEN x.axis = 'individuals' AND h.ci_low <= 0 THEN 'individuals not told apart'
        ELSE verdict(
            h.estimate, h.ci_low, h.ci_high,
            CASE WHEN x.axis <> 'subgroups' OR coalesce(g.beyond, 0) = 0 THEN h.floor_q95 END, h.n_h, h.n_s, h.ideal, h.margin, l.ci_low, l.ci_high)
    END AS verdict,
    CASE
        WHEN h.panel_id IS NULL AND x.axis = 'individuals' THEN 'no twins'
        WHEN h.panel_id IS NULL THEN 'the study declares nothing to compare'
        WHEN x.axis = 'subgroups' AND g.beyond > 0
            THEN concat_ws('; ', g.beyond || ' of ' || g.groups || ' groups are beyond their floor', h.reason)
        ELSE h.reason
    END AS reason
FROM compared AS c
CROSS JOIN axes AS x
LEFT JOIN headlines AS h ON h.panel_id = c.panel_id AND h.axis = x.axis
LEFT JOIN bases AS b ON b.panel_id = c.panel_id AND b.axis = x.axis
LEFT JOIN baselines AS l ON l.panel_id = c.panel_id AND l.axis = x.axis
LEFT JOIN inference AS i ON i.panel_id = c.panel_id
LEFT JOIN groups AS g ON g.panel_id = c.panel_id
LEFT JOIN coincidence AS m ON m.panel_id = c.panel_id;

COMMENT ON VIEW scorecard IS 'What a panel is fit for: a verdict per axis, from the worst figure of that axis, beside the base model and the best baseline on the same pilot.';
COMMENT ON COLUMN scorecard.axis IS 'marginals, heterogeneity, subgroups, coherence, inference, individuals or memorisation';
COMMENT ON COLUMN scorecard.estimate IS 'the figure that speaks for the axis; metric, attribute, level and term say which it is';
COMMENT ON COLUMN scorecard.ci_low IS '95 % interval: the evaluation''s, else Fisher''s of a correlation or Wilson''s of a share';
COMMENT ON COLUMN scorecard.base_estimate IS 'the same figure of the untuned model';
COMMENT ON COLUMN scorecard.baseline_estimate IS 'the same figure of the best baseline fitted on the same number of pilot respondents';
COMMENT ON COLUMN scorecard.verdict IS 'in words; 90_verdicts.sql says what each takes';
