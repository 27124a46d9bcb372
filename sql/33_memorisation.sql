-- Whether a panel repeats the very answers of its pilot: whole vectors of asked items, compared with the pilot
-- respondents that were used. People coincide too, so the people it is judged by stand beside it.

CREATE OR REPLACE VIEW memorisation AS
WITH people AS (
    SELECT study_id, study_hash, panel_id FROM samples GROUP BY ALL
),
vectors AS (
    -- Missing answers leave no trace, so that an item left out and an item refused are one.
    SELECT r.panel_id, r.respondent_id, list(i.position || '=' || r.code ORDER BY i.position) AS vector
    FROM people AS p
    JOIN responses AS r ON r.panel_id = p.panel_id
    JOIN items AS i
        ON i.study_id = p.study_id AND i.study_hash = p.study_hash AND i.item_id = r.item_id AND i.asked
    WHERE NOT r.missing AND r.code IS NOT NULL
    GROUP BY r.panel_id, r.respondent_id
),
pilots AS (
    SELECT DISTINCT c.panel_id, v.vector
    FROM comparisons AS c
    JOIN panels AS p ON p.panel_id = c.panel_id
    JOIN respondents AS h ON h.panel_id = c.reference_id AND h.split = 'pilot' AND h.draw < p.pilot_n
    JOIN vectors AS v ON v.panel_id = h.panel_id AND v.respondent_id = h.respondent_id
),
placed AS (
    SELECT panel_id, respondent_id, 'all' AS attribute, 'all' AS level FROM vectors
    UNION ALL
    SELECT panel_id, respondent_id, attribute, level FROM memberships
),
judged AS (
    SELECT c.panel_id, 's' AS side, r.respondent_id, r.weight, v.vector
    FROM comparisons AS c
    JOIN respondents AS r ON r.panel_id = c.panel_id
    JOIN vectors AS v ON v.panel_id = r.panel_id AND v.respondent_id = r.respondent_id
    UNION ALL
    SELECT c.panel_id, 'h', r.respondent_id, r.weight, v.vector
    FROM comparisons AS c
    JOIN respondents AS r ON r.panel_id = c.reference_id AND part_of(c.reference_split) IN ('all', r.split)
    JOIN vectors AS v ON v.panel_id = r.panel_id AND v.respondent_id = r.respondent_id
    JOIN panels AS p ON p.panel_id = c.panel_id
    -- Who is of the pilot, as some are where all people judge, repeats the pilot by being it.
    WHERE NOT coalesce(r.split = 'pilot' AND r.draw < p.pilot_n, false)
),
counted AS (
    SELECT
        j.panel_id, g.attribute, g.level,
        count(*) FILTER (side = 'h') AS n_h,
        count(*) FILTER (side = 's') AS n_s,
        sum(weight) FILTER (side = 'h') AS w_h,
        sum(weight) FILTER (side = 's') AS w_s,
        effective_n(w_h, sum(weight ** 2) FILTER (side = 'h')) AS effective_h,
        effective_n(w_s, sum(weight ** 2) FILTER (side = 's')) AS effective_s,
        coalesce(sum(weight) FILTER (side = 'h' AND p.vector IS NOT NULL), 0) AS seen_h,
        coalesce(sum(weight) FILTER (side = 's' AND p.vector IS NOT NULL), 0) AS seen_s
    FROM judged AS j
    JOIN comparisons AS c ON c.panel_id = j.panel_id
    JOIN placed AS g
        ON g.panel_id = CASE j.side WHEN 's' THEN c.panel_id ELSE c.reference_id END
        AND g.respondent_id = j.respondent_id
    LEFT JOIN pilots AS p ON p.panel_id = j.panel_id AND p.vector = j.vector
    GROUP BY ALL
),
piloted AS (
    SELECT panel_id FROM pilots GROUP BY panel_id
)
SELECT
    c.study_id, c.panel_id, c.reference_id, d.attribute, d.level, c.small_group,
    CASE WHEN p.panel_id IS NOT NULL THEN ratio(x.seen_s, x.w_s) END AS memorised_share,
    CASE WHEN p.panel_id IS NOT NULL THEN ratio(x.seen_h, x.w_h) END AS memorised_share_h,
    coalesce(x.n_h, 0) AS n_h,
    coalesce(x.n_s, 0) AS n_s,
    coalesce(x.effective_h, 0) AS effective_h,
    coalesce(x.effective_s, 0) AS effective_s,
    CASE
        WHEN s.pilot_n IS NULL OR s.pilot_n = 0 THEN 'no pilot'
        WHEN p.panel_id IS NULL THEN 'no answers in the pilot'
        WHEN coalesce(x.n_s, 0) = 0 THEN 'no answers in the panel'
    END AS reason,
    CASE
        WHEN s.pilot_n IS NULL OR s.pilot_n = 0 THEN 'no pilot'
        WHEN p.panel_id IS NULL THEN 'no answers in the pilot'
        WHEN coalesce(x.n_h, 0) = 0 THEN 'no answers in the reference'
    END AS reason_h
FROM comparisons AS c
JOIN panels AS s ON s.panel_id = c.panel_id
JOIN groupings AS d ON d.study_id = c.study_id AND d.study_hash = c.study_hash
LEFT JOIN counted AS x ON x.panel_id = c.panel_id AND x.attribute = d.attribute AND x.level = d.level
LEFT JOIN piloted AS p ON p.panel_id = c.panel_id;

COMMENT ON VIEW memorisation IS 'Weighted share of a panel, and of the people it is judged by, whose answers to all asked items equal some pilot respondent''s: in everybody and in every declared subgroup.';
COMMENT ON COLUMN memorisation.memorised_share IS 'share of the compared panel';
COMMENT ON COLUMN memorisation.memorised_share_h IS 'share of the reference: what coincidence alone gives';
