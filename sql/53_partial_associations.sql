-- How beliefs and actions go together among respondents alike in the pair's controls: what is left of an association
-- when groups that differ in both are no longer compared. Strata of one belief or one action say nothing.

CREATE OR REPLACE VIEW partial_associations AS
WITH counts AS (
    SELECT
        s.study_id, s.study_hash, s.panel_id, s.part, t.pair_id, t.attribute, t.level, t.stratum,
        t.belief_code, t.action_code,
        sum(t.n)::BIGINT AS n,
        sum(t.w) AS w,
        sum(t.w2) AS w2
    FROM samples AS s
    JOIN crosstabs AS t ON t.panel_id = s.panel_id AND (s.part = 'all' OR t.split = s.part)
    WHERE t.stratum IS NOT NULL AND t.belief_code IS NOT NULL AND t.action_code IS NOT NULL
    GROUP BY ALL
),
tables AS (
    SELECT
        x.panel_id, x.part, x.pair_id, x.attribute, x.level, x.stratum, x.n, x.w, x.w2, x.belief_code, x.action_code,
        b.place AS belief, a.place AS action, b.on_scale AS belief_on_scale, a.on_scale AS action_on_scale,
        sum(x.w) OVER (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level, x.stratum) AS w_stratum,
        sum(x.w) OVER (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level, x.stratum, x.belief_code)
            AS w_belief,
        sum(x.w) OVER (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level, x.stratum, x.action_code)
            AS w_action,
        CASE WHEN b.on_scale AND a.on_scale THEN x.w ELSE 0 END AS ranked,
        -- Mid-ranks over all strata together, as in associations.
        sum(ranked) OVER up_to_belief - sum(ranked) OVER by_belief / 2 AS rank_belief,
        sum(ranked) OVER up_to_action - sum(ranked) OVER by_action / 2 AS rank_action
    FROM counts AS x
    JOIN pairs AS p USING (study_id, study_hash, pair_id)
    JOIN code_places AS b
        ON b.study_id = x.study_id AND b.study_hash = x.study_hash AND b.item_id = p.belief AND b.code = x.belief_code
    JOIN code_places AS a
        ON a.study_id = x.study_id AND a.study_hash = x.study_hash AND a.item_id = p.action AND a.code = x.action_code
    WHERE x.w > 0
    WINDOW
        by_belief AS (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level, x.belief_code),
        by_action AS (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level, x.action_code),
        up_to_belief AS (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level ORDER BY b.place),
        up_to_action AS (PARTITION BY x.panel_id, x.part, x.pair_id, x.attribute, x.level ORDER BY a.place)
),
centred AS (
    SELECT
        *,
        rank_belief - ratio(sum(ranked * rank_belief) OVER alike, sum(ranked) OVER alike) AS off_belief,
        rank_action - ratio(sum(ranked * rank_action) OVER alike, sum(ranked) OVER alike) AS off_action
    FROM tables
    WINDOW alike AS (PARTITION BY panel_id, part, pair_id, attribute, level, stratum)
),
strata AS (
    SELECT
        panel_id, part, pair_id, attribute, level, stratum,
        sum(n)::BIGINT AS n,
        sum(w) AS w,
        sum(w2) AS w2,
        count(DISTINCT action_code) > 1 AS actions_differ,
        least(count(DISTINCT belief_code), count(DISTINCT action_code)) - 1 AS freedom,
        sum(w * w / (w_belief * w_action)) - 1 AS phi2,
        sum(w / w_stratum * log2(w * w_stratum / (w_belief * w_action))) AS mutual_information,
        sum(w / w_stratum * w / w_belief) AS given_belief,
        sum(w / w_stratum * w_action / w_stratum) AS at_large,
        bool_and(belief IS NOT NULL OR NOT belief_on_scale) AND bool_and(action IS NOT NULL OR NOT action_on_scale)
            AS in_order,
        count(DISTINCT belief) FILTER (ranked > 0) > 1 AS beliefs_ranked,
        count(DISTINCT action) FILTER (ranked > 0) > 1 AS actions_ranked,
        sum(ranked * off_belief * off_action) AS covariance,
        sum(ranked * off_belief * off_belief) AS variance_belief,
        sum(ranked * off_action * off_action) AS variance_action
    FROM centred
    GROUP BY ALL
),
sums AS (
    SELECT
        panel_id, part, pair_id, attribute, level,
        sum(n)::BIGINT AS n,
        effective_n(sum(w), sum(w2)) AS effective,
        ratio(sum(w * phi2) FILTER (freedom > 0), sum(w * freedom) FILTER (freedom > 0)) AS v2,
        sum(w * greatest(mutual_information, 0)) / sum(w) AS mutual_information,
        ratio(sum(w * (given_belief - at_large)) FILTER (actions_differ), sum(w * (1 - at_large)) FILTER (actions_differ))
            AS goodman_kruskal_tau,
        bool_and(in_order) AS in_order,
        coalesce(sum(covariance) FILTER (beliefs_ranked AND actions_ranked), 0) AS covariance,
        sum(variance_belief) FILTER (beliefs_ranked) AS variance_belief,
        sum(variance_action) FILTER (actions_ranked) AS variance_action
    FROM strata
    GROUP BY ALL
)
SELECT
    panel_id, part, pair_id, attribute, level, n, effective,
    sqrt(clamp(v2, 0, 1)) AS cramers_v,
    mutual_information,
    clamp(goodman_kruskal_tau, 0, 1) AS goodman_kruskal_tau,
    CASE WHEN in_order THEN clamp(covariance / (sqrt(variance_belief) * sqrt(variance_action)), -1, 1) END AS spearman,
    CASE WHEN v2 IS NULL THEN 'a single belief or action in every stratum' END AS reason,
    CASE WHEN goodman_kruskal_tau IS NULL THEN 'a single action in every stratum' END AS reason_tau,
    CASE
        WHEN NOT in_order THEN 'nominal item without values'
        WHEN variance_belief IS NULL THEN 'a single belief in every stratum'
        WHEN variance_action IS NULL THEN 'a single action in every stratum'
    END AS reason_spearman
FROM sums;

COMMENT ON VIEW partial_associations IS 'Association of belief and action within the strata of the pair''s controls, one side of a comparison, in everybody and in every declared subgroup; weighted.';
COMMENT ON COLUMN partial_associations.n IS 'respondents who answered both and the controls';
COMMENT ON COLUMN partial_associations.effective IS 'how many respondents of equal weight tell as much as these';
COMMENT ON COLUMN partial_associations.cramers_v IS 'pooled over strata, over the codes that someone in the stratum chose';
COMMENT ON COLUMN partial_associations.mutual_information IS 'mean over strata, bits';
COMMENT ON COLUMN partial_associations.goodman_kruskal_tau IS 'how much knowing the belief reduces the error of guessing the action within strata (Gray and Williams 1981)';
COMMENT ON COLUMN partial_associations.spearman IS 'correlation of mid-ranks less their means within strata';
