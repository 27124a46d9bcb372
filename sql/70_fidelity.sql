-- Whether each simulated twin answers as its own human did. Unweighted: the twin pair is what counts, not whom it
-- stands for, and pairs are worth their number. Only twins of people in the part that the panel is judged by. A subgroup
-- holds the pairs whose human stands in it, whatever the twin answers.

CREATE OR REPLACE VIEW fidelity AS
WITH twins AS (
    SELECT c.study_id, c.study_hash, c.panel_id, c.reference_id, s.respondent_id, s.twin_of
    FROM comparisons AS c
    JOIN respondents AS s ON s.panel_id = c.panel_id
    JOIN respondents AS h
        ON h.panel_id = c.reference_id
        AND h.respondent_id = s.twin_of
        AND part_of(c.reference_split) IN ('all', h.split)
),
arms AS (
    SELECT t.panel_id, t.respondent_id, list(i.position || '=' || r.code ORDER BY i.position) AS arm
    FROM twins AS t
    JOIN items AS i ON i.study_id = t.study_id AND i.study_hash = t.study_hash AND i.role = 'arm'
    JOIN responses AS r
        ON r.panel_id = t.reference_id AND r.respondent_id = t.twin_of AND r.item_id = i.item_id AND r.code IS NOT NULL
    GROUP BY t.panel_id, t.respondent_id
),
placed AS (
    SELECT panel_id, respondent_id, 'all' AS attribute, 'all' AS level FROM twins
    UNION ALL
    SELECT t.panel_id, t.respondent_id, m.attribute, m.level
    FROM twins AS t
    JOIN memberships AS m ON m.panel_id = t.reference_id AND m.respondent_id = t.twin_of
),
ranges AS (
    SELECT
        i.study_id, i.study_hash, i.item_id, i.asked,
        coalesce(any_value(i.low), min(o.value)) AS low,
        coalesce(any_value(i.high), max(o.value)) AS high,
        any_value(i.scale) = 'interval' OR count(o.value) = count(o.code) FILTER (o.kind <> 'category') AS numeric
    FROM items AS i
    LEFT JOIN options AS o
        ON o.study_id = i.study_id AND o.study_hash = i.study_hash AND o.item_id = i.item_id AND NOT o.missing
    GROUP BY ALL
),
answered AS (
    SELECT
        t.panel_id, d.attribute, d.level, h.item_id, a.arm,
        h.code AS code_h, s.code AS code_s,
        -- Numbers count in pairs: "don't know" as a category has none.
        CASE WHEN g.numeric AND s.value IS NOT NULL THEN h.value END AS y,
        CASE WHEN g.numeric AND h.value IS NOT NULL THEN s.value END AS yhat
    FROM twins AS t
    JOIN placed AS d ON d.panel_id = t.panel_id AND d.respondent_id = t.respondent_id
    JOIN responses AS h ON h.panel_id = t.reference_id AND h.respondent_id = t.twin_of AND NOT h.missing
    JOIN responses AS s
        ON s.panel_id = t.panel_id AND s.respondent_id = t.respondent_id AND s.item_id = h.item_id AND NOT s.missing
    JOIN ranges AS g ON g.study_id = t.study_id AND g.study_hash = t.study_hash AND g.item_id = h.item_id AND g.asked
    LEFT JOIN arms AS a ON a.panel_id = t.panel_id AND a.respondent_id = t.respondent_id
),
centred AS (
    SELECT
        *,
        y - avg(y) OVER item AS dy,
        yhat - avg(yhat) OVER item AS dyhat,
        CASE WHEN arm IS NOT NULL THEN y - avg(y) OVER item_arm END AS ay,
        CASE WHEN arm IS NOT NULL THEN yhat - avg(yhat) OVER item_arm END AS ayhat
    FROM answered
    WINDOW
        item AS (PARTITION BY panel_id, attribute, level, item_id),
        item_arm AS (PARTITION BY panel_id, attribute, level, item_id, arm)
),
sums AS (
    SELECT
        panel_id, attribute, level, item_id,
        count(*) AS n,
        count(arm) AS n_arm,
        avg((code_h = code_s)::INTEGER) AS exact_match_rate,
        avg(abs(y - yhat)) AS error,
        -- Beyond rounding: a side that does not vary has no correlation.
        max(y) > min(y) AND max(yhat) > min(yhat) AS varies,
        max(abs(ay)) > 1e-12 * max(abs(y)) AND max(abs(ayhat)) > 1e-12 * max(abs(yhat)) AS varies_within_arms,
        sum(dy * dyhat) AS covariance,
        sqrt(sum(dy * dy)) * sqrt(sum(dyhat * dyhat)) AS scale,
        sum(ay * ayhat) AS covariance_arm,
        sqrt(sum(ay * ay)) * sqrt(sum(ayhat * ayhat)) AS scale_arm
    FROM centred
    GROUP BY ALL
),
per_item AS (
    SELECT
        c.study_id, c.panel_id, c.reference_id, c.small_group, d.attribute, d.level, g.item_id,
        coalesce(x.n, 0) AS n,
        unnest([
            {'metric': 'pearson_r', 'estimate': CASE WHEN x.varies THEN clamp(x.covariance / x.scale, -1, 1) END,
                'reason': CASE WHEN NOT g.numeric THEN 'options without values' ELSE 'one side does not vary' END},
            {'metric': 'accuracy', 'estimate': 1 - ratio(x.error, g.high - g.low),
                'reason': CASE WHEN NOT g.numeric THEN 'options without values' ELSE 'no declared range' END},
            {'metric': 'exact_match_rate', 'estimate': x.exact_match_rate, 'reason': NULL},
            {'metric': 'demeaned_r',
                'estimate': CASE WHEN x.varies_within_arms THEN clamp(x.covariance_arm / x.scale_arm, -1, 1) END,
                'reason': CASE
                    WHEN x.n_arm = 0 THEN 'no treatment arms'
                    WHEN NOT g.numeric THEN 'options without values'
                    ELSE 'one side does not vary within arms'
                END}
        ]) AS figure
    FROM comparisons AS c
    SEMI JOIN twins USING (panel_id)
    JOIN ranges AS g ON g.study_id = c.study_id AND g.study_hash = c.study_hash AND g.asked
    JOIN groupings AS d ON d.study_id = c.study_id AND d.study_hash = c.study_hash
    LEFT JOIN sums AS x
        ON x.panel_id = c.panel_id AND x.item_id = g.item_id AND x.attribute = d.attribute AND x.level = d.level
)
SELECT
    study_id, panel_id, reference_id, 'fidelity' AS family, figure.metric AS metric,
    item_id, NULL::VARCHAR AS item_id_2, attribute, level, NULL::VARCHAR AS term,
    figure.estimate AS estimate, n AS n_h, n AS n_s, n::DOUBLE AS effective_h, n::DOUBLE AS effective_s,
    CASE
        WHEN figure.estimate IS NOT NULL THEN small_n(attribute, n, small_group)
        WHEN n = 0 THEN 'no twin answered'
        ELSE figure.reason
    END AS reason
FROM per_item
UNION ALL
SELECT
    study_id, panel_id, reference_id, 'fidelity', figure.metric,
    NULL, NULL, attribute, level, NULL,
    avg(figure.estimate ORDER BY item_id),
    coalesce(min(n) FILTER (figure.estimate IS NOT NULL), 0) AS fewest,
    fewest,
    fewest::DOUBLE,
    fewest::DOUBLE,
    CASE
        WHEN attribute <> 'all' AND min(n) FILTER (figure.estimate IS NOT NULL) < any_value(small_group) THEN 'small_n'
        ELSE mean_reason(
            count(figure.estimate), count(*), list(DISTINCT CASE n WHEN 0 THEN 'no twin answered' ELSE figure.reason END))
    END
FROM per_item
GROUP BY study_id, panel_id, reference_id, attribute, level, figure.metric;

COMMENT ON VIEW fidelity IS 'Answers of simulated twins beside those of their own humans, for twin panels; item_id NULL is the mean over the asked items; in everybody and in every declared subgroup of the humans.';
COMMENT ON COLUMN fidelity.metric IS '${METRICS:fidelity}';
COMMENT ON COLUMN fidelity.n_h IS 'twin pairs that both answered';
