-- What a panel is fit for: one row a compared panel and axis, the worst figure of the axis speaking for it, with the
-- untuned base model and the best baseline on the same pilot beside it. The rules stand in 90_verdicts.sql. People split
-- in half stand there too, as a panel of their own that gets no verdict on its use.

-- What a panel that does well on an axis may be used for.
CREATE OR REPLACE MACRO use_of(axis) AS CASE axis WHEN 'memorisation' THEN 'answers of its own' ELSE axis END;

CREATE OR REPLACE VIEW scorecard AS
WITH people AS (
    -- Of a human panel, an evaluation estimates how far its own halves are apart.
    SELECT DISTINCT e.panel_id FROM estimates AS e JOIN panels AS p ON p.panel_id = e.panel_id WHERE p.kind = 'human'
),
compared AS (
    SELECT
        p.study_id, p.study_hash, p.panel_id, p.kind, coalesce(c.reference_id, p.panel_id) AS reference_id,
        p.reference_split, p.label, p.strategy, p.pilot_n, p.base_fingerprint, p.created_at,
        way_of(p) AS way,
        c.panel_id IS NULL AS is_people,
        t.* EXCLUDE (study_id, study_hash)
    FROM panels AS p
    LEFT JOIN comparisons AS c ON c.panel_id = p.panel_id
    LEFT JOIN people AS x ON x.panel_id = p.panel_id
    JOIN study_thresholds AS t ON t.study_id = p.study_id AND t.study_hash = p.study_hash
    WHERE c.panel_id IS NOT NULL OR x.panel_id IS NOT NULL
),
figures AS MATERIALIZED (
    SELECT a.*
    FROM alignment AS a
    WHERE a.metric IN (SELECT metric FROM verdict_rules)
        OR a.metric IN ('false_positive_rate', 'coefficient_coverage', 'memorised_share_h')
),
candidates AS (
    SELECT
        f.*, r.axis, r.choice, r.ideal, r.margin, r.floored, c.small_group, c.is_people,
        loss(f.estimate, r.ideal) AS loss
    FROM figures AS f
    JOIN compared AS c ON c.panel_id = f.panel_id
    JOIN verdict_rules AS r
        ON r.study_id = c.study_id AND r.study_hash = c.study_hash AND r.family = f.family AND r.metric = f.metric
    WHERE CASE r.per
        WHEN 'panel' THEN f.item_id IS NULL AND f.attribute = 'all' AND f.term IS NULL
        WHEN 'attribute' THEN f.item_id IS NULL
        WHEN 'pair' THEN f.attribute = 'all'
        WHEN 'model' THEN f.attribute = 'all'
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
            axis = 'subgroups' AND effective_h < small_group,
            loss - CASE WHEN floored THEN coalesce(floor, 0) ELSE 0 END DESC NULLS LAST,
            attribute, level, term
    ) = 1
),
peers AS (
    -- The same figure of other panels that were judged by the same people. The level of a worst group may differ.
    SELECT
        h.panel_id, h.axis, o.kind, o.strategy, x.panel_id AS peer_id, x.estimate, x.ci_low, x.ci_high, x.loss,
        o.base_fingerprint IS NOT DISTINCT FROM c.base_fingerprint AS same_model,
        o.way = c.way AS same_way,
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
        PARTITION BY panel_id, axis ORDER BY same_model DESC, same_way DESC, created_at DESC NULLS LAST, peer_id
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
        f.panel_id,
        f.term,
        any_value(c.sign_f1) AS least_f1,
        any_value(c.false_positive_rate) AS most_false,
        any_value(c.coefficient_coverage) AS least_coverage,
        max(f.estimate) FILTER (f.metric = 'sign_f1') AS sign_f1,
        max(f.estimate) FILTER (f.metric = 'false_positive_rate') AS false_positive_rate,
        max(f.estimate) FILTER (f.metric = 'coefficient_coverage') AS coverage,
        max(f.floor_q95) FILTER (f.metric = 'sign_f1') AS f1_of_people,
        max(f.floor_q95) FILTER (f.metric = 'false_positive_rate') AS false_of_people,
        max(f.floor_q95) FILTER (f.metric = 'coefficient_coverage') AS coverage_of_people,
        any_value(f.reason) FILTER (f.metric = 'sign_f1') AS reason
    FROM figures AS f
    JOIN compared AS c ON c.panel_id = f.panel_id
    WHERE f.family = 'recovery' AND f.attribute = 'all'
    GROUP BY ALL
),
inference AS (
    SELECT
        panel_id,
        count(*) AS models,
        count(*) FILTER (sign_f1 IS NULL AND false_positive_rate IS NULL AND coverage IS NULL) AS undefined,
        count(*) FILTER (reason IN ('not evaluated', 'reference not evaluated')) AS waiting,
        count(*) FILTER (
            -- No more is asked than another sample of people would give.
            fails_inference(
                sign_f1, false_positive_rate, coverage,
                least(least_f1, f1_of_people), greatest(most_false, false_of_people),
                least(least_coverage, coverage_of_people))
        ) AS failed,
        count(*) FILTER (
            passes_inference(sign_f1, false_positive_rate, coverage, least_f1, most_false, least_coverage)
        ) AS passed,
        list_sort(list(DISTINCT reason) FILTER (
            sign_f1 IS NULL AND false_positive_rate IS NULL AND coverage IS NULL
        )) AS why
    FROM models
    GROUP BY ALL
),
groups AS (
    -- One worst group at its floor says nothing of the others: every group of some size has to be at its own.
    SELECT f.panel_id, count(*) FILTER (f.estimate > f.floor_q95) AS beyond, count(*) AS groups
    FROM figures AS f
    JOIN compared AS c ON c.panel_id = f.panel_id
    WHERE f.family = 'subgroups' AND f.metric = 'js_distance' AND f.item_id IS NULL
        AND f.effective_h >= c.small_group AND f.effective_s >= c.small_group
    GROUP BY f.panel_id
),
absences AS (
    -- A worst group is the worst of those that were simulated: people whom the panel leaves out are not among them.
    SELECT f.panel_id, count(DISTINCT (f.attribute, f.level)) AS absent
    FROM figures AS f
    JOIN compared AS c ON c.panel_id = f.panel_id
    WHERE f.family = 'subgroups' AND f.metric = 'js_distance' AND f.item_id IS NOT NULL
        AND f.reason = 'not simulated' AND f.effective_h >= c.small_group
    GROUP BY f.panel_id
),
unasked AS (
    -- Questions, and pairs of them, that the panel has no answers to: the mean, or the worst, tells of the others alone.
    SELECT f.panel_id, r.axis, count(DISTINCT (f.item_id, f.item_id_2)) AS unasked
    FROM figures AS f
    JOIN compared AS c ON c.panel_id = f.panel_id
    JOIN verdict_rules AS r
        ON r.study_id = c.study_id AND r.study_hash = c.study_hash AND r.family = f.family AND r.metric = f.metric
    JOIN items AS i ON i.study_id = c.study_id AND i.study_hash = c.study_hash AND i.item_id = f.item_id
    WHERE f.attribute = 'all' AND f.reason IN ('no answers in the panel', 'not simulated')
        AND (i.asked OR r.per = 'pair') AND f.effective_h >= c.small_group
    GROUP BY ALL
),
coincidence AS (
    SELECT panel_id, estimate AS floor, ci_high AS floor_q95 FROM figures
    WHERE metric = 'memorised_share_h' AND attribute = 'all'
),
axes AS (
    SELECT DISTINCT axis, position FROM verdict_rules
),
judged AS (
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
        h.n_h, h.n_s, h.effective_h, h.effective_s,
        CASE
            WHEN c.is_people THEN 'people against people'
            WHEN x.axis = 'inference'
                THEN verdict_on_inference(
                    i.models, i.undefined, i.failed, i.passed, h.effective_h, h.effective_s, c.small_group)
            WHEN x.axis = 'memorisation'
                THEN verdict_on_memorisation(
                    h.estimate, h.ci_low, h.ci_high, coalesce(h.floor_q95, m.floor_q95),
                    h.effective_h, h.effective_s, c.small_group)
            WHEN x.axis = 'individuals'
                THEN verdict_on_individuals(
                    h.estimate, h.ci_low, h.ci_high, h.effective_h, h.effective_s, c.small_group,
                    c.individuals_r, c.individuals_declared, l.ci_low, l.ci_high)
            ELSE verdict(
                h.estimate, h.ci_low, h.ci_high,
                CASE WHEN h.floored AND (x.axis <> 'subgroups' OR coalesce(g.beyond, 0) = 0) THEN h.floor_q95 END,
                h.effective_h, h.effective_s, c.small_group, h.ideal, h.margin, l.ci_low, l.ci_high)
        END AS told,
        once_evaluated(
            told, v.panel_id IS NOT NULL AND NOT (x.axis = 'inference' AND coalesce(i.waiting, 0) > 0),
            h.estimate, h.effective_h, h.effective_s, c.small_group) AS found,
        coalesce(
            found NOT IN ('not evaluated', 'undefined', 'too few respondents') AND x.axis NOT IN ('inference', 'individuals', 'memorisation')
            AND differs(h.ci_low, h.ci_high, CASE WHEN h.floored THEN h.floor_q95 END, h.ideal, h.margin), false
        ) AS differs,
        CASE
            WHEN x.axis = 'subgroups' AND a.absent > 0 AND found IN ('at the floor', 'within the margin')
                THEN 'undecided'
            WHEN u.unasked > 0 AND found IN ('at the floor', 'within the margin', 'individuals told apart')
                THEN 'undecided'
            ELSE found
        END AS verdict,
        CASE
            WHEN h.panel_id IS NULL AND c.is_people THEN 'not compared between halves'
            WHEN h.panel_id IS NULL AND x.axis = 'individuals' THEN 'no twins'
            WHEN h.panel_id IS NULL THEN 'the study declares nothing to compare'
            WHEN x.axis = 'subgroups' THEN nullif(concat_ws(
                '; ',
                a.absent || CASE a.absent WHEN 1 THEN ' group is' ELSE ' groups are' END || ' not simulated',
                CASE WHEN g.beyond > 0 THEN g.beyond || ' of ' || g.groups || ' groups beyond their own floor' END,
                h.reason
            ), '')
            WHEN x.axis = 'coherence' AND u.unasked > 0
                THEN concat_ws(
                    '; ', u.unasked || CASE u.unasked WHEN 1 THEN ' pair is' ELSE ' pairs are' END || ' not simulated',
                    h.reason)
            -- The figure that speaks is that of some model; others may have none.
            WHEN x.axis = 'inference' AND i.undefined > 0 AND i.models > 1
                THEN i.undefined || ' of ' || i.models || ' regressions without figures: '
                    || array_to_string(i.why[:3], '; ') || CASE WHEN len(i.why) > 3 THEN '; and more' ELSE '' END
                    || CASE WHEN h.estimate IS NOT NULL THEN coalesce('; ' || h.reason, '') ELSE '' END
            ELSE h.reason
        END AS reason,
        c.changed AS thresholds
    FROM compared AS c
    CROSS JOIN axes AS x
    LEFT JOIN headlines AS h ON h.panel_id = c.panel_id AND h.axis = x.axis
    LEFT JOIN bases AS b ON b.panel_id = c.panel_id AND b.axis = x.axis
    LEFT JOIN baselines AS l ON l.panel_id = c.panel_id AND l.axis = x.axis
    LEFT JOIN inference AS i ON i.panel_id = c.panel_id
    LEFT JOIN groups AS g ON g.panel_id = c.panel_id
    LEFT JOIN absences AS a ON a.panel_id = c.panel_id
    -- Twins and their humans are compared over the questions that marginals are.
    LEFT JOIN unasked AS u
        ON u.panel_id = c.panel_id AND u.axis = CASE x.axis WHEN 'individuals' THEN 'marginals' ELSE x.axis END
    LEFT JOIN coincidence AS m ON m.panel_id = c.panel_id
    LEFT JOIN evaluations AS v ON v.panel_id = c.panel_id AND v.speaks
)
SELECT
    j.* EXCLUDE (told, found, differs, verdict, reason, thresholds),
    j.verdict,
    CASE
        WHEN j.differs AND f.fit IS NOT NULL THEN 'not fit for ' || use_of(j.axis)
        WHEN f.fit = 'undecided' THEN f.fit
        ELSE f.fit || ' for ' || use_of(j.axis)
    END AS fit,
    j.reason,
    j.thresholds
FROM judged AS j
LEFT JOIN fit_rules AS f ON f.verdict = j.verdict
-- Not for its order alone: DuckDB 2.0.0 never returns from a LIMIT over this view unless it sorts first, its threads
-- waiting for each other, as in its issue 24961; what shows a table in a notebook sets a LIMIT.
ORDER BY j.study_id, j.panel_id, j.position;

COMMENT ON VIEW scorecard IS 'What a panel is fit for: a verdict per axis, from the worst figure of that axis, beside the base model and the best baseline on the same pilot. People split in half are a panel of their own.';
COMMENT ON COLUMN scorecard.axis IS 'marginals, heterogeneity, subgroups, coherence, inference, individuals or memorisation';
COMMENT ON COLUMN scorecard.estimate IS 'the figure that speaks for the axis; metric, attribute, level and term say which it is';
COMMENT ON COLUMN scorecard.ci_low IS '95 % interval, as the evaluation found it';
COMMENT ON COLUMN scorecard.base_estimate IS 'the same figure of the untuned model';
COMMENT ON COLUMN scorecard.baseline_estimate IS 'the same figure of the best baseline fitted on the same number of pilot respondents';
COMMENT ON COLUMN scorecard.effective_h IS 'how many people of equal weight tell as much as these; fewer than small_group, or of the panel, get no verdict';
COMMENT ON COLUMN scorecard.verdict IS 'in words; 90_verdicts.sql says what each takes';
COMMENT ON COLUMN scorecard.fit IS 'fit for the axis, not fit for it, or undecided: what fit_rules says of the verdict; memorisation: for answers of its own; NULL of people';
COMMENT ON COLUMN scorecard.thresholds IS 'thresholds of the study that are not the defaults; NULL where all are';
