-- How beliefs and actions go together on one side of a comparison, in everybody and in every declared subgroup.

CREATE OR REPLACE VIEW sample_crosstabs AS
SELECT
    s.study_id, s.study_hash, s.panel_id, s.part, t.pair_id, t.attribute, t.level, t.belief_code, t.action_code,
    sum(t.n)::BIGINT AS n,
    sum(t.w) AS w,
    sum(t.w2) AS w2
FROM samples AS s
JOIN crosstabs AS t ON t.panel_id = s.panel_id AND (s.part = 'all' OR t.split = s.part)
WHERE t.stratum IS NULL AND t.belief_code IS NOT NULL AND t.action_code IS NOT NULL
GROUP BY ALL;

COMMENT ON VIEW sample_crosstabs IS 'Crosstabs of one side of a comparison, its splits added up.';

CREATE OR REPLACE VIEW pair_groups AS
WITH totals AS (
    SELECT
        panel_id, part, pair_id, attribute, level,
        sum(n)::BIGINT AS n, sum(w) AS w, effective_n(sum(w), sum(w2)) AS effective
    FROM sample_crosstabs
    GROUP BY ALL
)
SELECT
    c.study_id, c.study_hash, c.panel_id, c.reference_id, part_of(c.reference_split) AS reference_part, c.small_group,
    p.pair_id, p.belief, p.action, d.attribute, d.level,
    coalesce(h.n, 0) AS n_h,
    coalesce(s.n, 0) AS n_s,
    coalesce(h.effective, 0) AS effective_h,
    coalesce(s.effective, 0) AS effective_s,
    CASE WHEN h.n IS NULL THEN 'no answers in the reference' WHEN h.w = 0 THEN 'weights sum to zero' END AS absent_h,
    CASE WHEN s.n IS NULL THEN 'not simulated' WHEN s.w = 0 THEN 'weights sum to zero' END AS absent_s
FROM comparisons AS c
JOIN pairs AS p USING (study_id, study_hash)
JOIN groupings AS d USING (study_id, study_hash)
LEFT JOIN totals AS h
    ON h.panel_id = c.reference_id AND h.part = part_of(c.reference_split) AND h.pair_id = p.pair_id
    AND h.attribute = d.attribute AND h.level = d.level
LEFT JOIN totals AS s
    ON s.panel_id = c.panel_id AND s.part = 'all' AND s.pair_id = p.pair_id
    AND s.attribute = d.attribute AND s.level = d.level;

COMMENT ON VIEW pair_groups IS 'The frame of pairs: one row a compared panel, declared pair and declared subgroup, answered or not.';
COMMENT ON COLUMN pair_groups.n_h IS 'people who answered both';
COMMENT ON COLUMN pair_groups.effective_h IS 'how many people of equal weight tell as much as these';
COMMENT ON COLUMN pair_groups.absent_h IS 'why people have no figures at all; absent_s: why the panel has none';

CREATE OR REPLACE VIEW code_places AS
SELECT
    o.study_id, o.study_hash, o.item_id, o.code,
    o.kind <> 'category' AS on_scale,
    CASE
        WHEN o.kind = 'category' THEN NULL
        WHEN count(o.value) OVER item = count(*) FILTER (o.kind <> 'category') OVER item THEN o.value
        WHEN i.scale <> 'nominal' THEN o.position
    END AS place
FROM options AS o
JOIN items AS i USING (study_id, study_hash, item_id)
WHERE NOT o.missing
WINDOW item AS (PARTITION BY o.study_id, o.study_hash, o.item_id);

COMMENT ON VIEW code_places IS 'Where the codes of an item stand in order: by their values; bins, which have none, as declared.';
COMMENT ON COLUMN code_places.on_scale IS 'false for a missing option that counts as a category: rank correlations set it aside';
COMMENT ON COLUMN code_places.place IS 'NULL where options of a nominal item have no values, and so no order';

CREATE OR REPLACE VIEW associations AS
WITH tables AS (
    SELECT
        x.panel_id, x.part, x.pair_id, x.attribute, x.level, x.n, x.w,
        b.place AS belief, a.place AS action,
        sum(x.w) OVER whole AS total,
        sum(x.w) OVER by_belief AS w_belief,
        sum(x.w) OVER by_action AS w_action,
        row_number() OVER (by_belief ORDER BY x.action_code) = 1 AS first_of_belief,
        row_number() OVER (by_action ORDER BY x.belief_code) = 1 AS first_of_action,
        b.on_scale AS belief_on_scale, a.on_scale AS action_on_scale,
        CASE WHEN b.on_scale AND a.on_scale THEN x.w ELSE 0 END AS ranked,
        -- Weighted mid-ranks from the mean rank, which is half the total whatever the ties.
        sum(ranked) OVER up_to_belief - sum(ranked) OVER by_belief / 2 - sum(ranked) OVER whole / 2 AS rank_belief,
        sum(ranked) OVER up_to_action - sum(ranked) OVER by_action / 2 - sum(ranked) OVER whole / 2 AS rank_action
    FROM sample_crosstabs AS x
    JOIN pairs AS p USING (study_id, study_hash, pair_id)
    JOIN code_places AS b
        ON b.study_id = x.study_id AND b.study_hash = x.study_hash AND b.item_id = p.belief AND b.code = x.belief_code
    JOIN code_places AS a
        ON a.study_id = x.study_id AND a.study_hash = x.study_hash AND a.item_id = p.action AND a.code = x.action_code
    -- Not the strata of controls, which panels published earlier count among the subgroups.
    SEMI JOIN groupings AS d
        ON d.study_id = x.study_id AND d.study_hash = x.study_hash AND d.attribute = x.attribute AND d.level = x.level
    WHERE x.w > 0
    WINDOW
        whole AS (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level),
        by_belief AS (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level, x.belief_code),
        by_action AS (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level, x.action_code),
        up_to_belief AS (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level ORDER BY b.place),
        up_to_action AS (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level ORDER BY a.place)
),
sums AS (
    SELECT
        panel_id, part, pair_id, attribute, level,
        sum(n)::BIGINT AS n,
        count(*) FILTER (first_of_belief) AS beliefs,
        count(*) FILTER (first_of_action) AS actions,
        bool_and(belief IS NOT NULL OR NOT belief_on_scale) AND bool_and(action IS NOT NULL OR NOT action_on_scale)
            AS in_order,
        count(DISTINCT belief) FILTER (ranked > 0) AS beliefs_ranked,
        count(DISTINCT action) FILTER (ranked > 0) AS actions_ranked,
        sum(w * w / (w_belief * w_action)) - 1 AS phi2,
        sum(w / total * log2(w * total / (w_belief * w_action))) AS mutual_information,
        sum(w / total * w / w_belief) AS given_belief,
        sum(w / total * w_action / total) AS at_large,
        sum(ranked * rank_belief * rank_action) AS covariance,
        sum(ranked * rank_belief * rank_belief) AS variance_belief,
        sum(ranked * rank_action * rank_action) AS variance_action
    FROM tables
    GROUP BY ALL
)
SELECT
    panel_id, part, pair_id, attribute, level, n,
    sqrt(clamp(ratio(phi2, least(beliefs, actions) - 1), 0, 1)) AS cramers_v,
    clamp(mutual_information, 0, 'Infinity'::DOUBLE) AS mutual_information,
    CASE WHEN actions > 1 THEN clamp(ratio(given_belief - at_large, 1 - at_large), 0, 1) END AS goodman_kruskal_tau,
    CASE WHEN in_order AND beliefs_ranked > 1 AND actions_ranked > 1
        THEN clamp(covariance / (sqrt(variance_belief) * sqrt(variance_action)), -1, 1) END AS spearman,
    CASE WHEN beliefs < 2 THEN 'a single belief' WHEN actions < 2 THEN 'a single action' END AS reason,
    CASE WHEN actions < 2 THEN 'a single action' END AS reason_tau,
    CASE
        WHEN NOT in_order THEN 'nominal item without values'
        WHEN beliefs_ranked < 2 THEN 'a single belief'
        WHEN actions_ranked < 2 THEN 'a single action'
    END AS reason_spearman
FROM sums;

COMMENT ON VIEW associations IS 'Association of belief and action in one side of a comparison, per declared pair and subgroup; weighted.';
COMMENT ON COLUMN associations.cramers_v IS 'over the codes that someone chose, without bias or continuity correction';
COMMENT ON COLUMN associations.mutual_information IS 'bits';
COMMENT ON COLUMN associations.goodman_kruskal_tau IS 'how much knowing the belief reduces the error of guessing the action';
COMMENT ON COLUMN associations.spearman IS 'rank correlation with weighted mid-ranks';
