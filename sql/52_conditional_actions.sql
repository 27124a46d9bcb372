-- What people of one belief do, beside what simulated respondents of that belief do.

CREATE OR REPLACE VIEW conditional_actions AS
WITH sides AS (
    SELECT
        g.study_id, g.panel_id, g.pair_id, g.attribute, g.level, x.belief_code, x.action_code,
        x.n AS n_h, x.w AS w_h, 0 AS n_s, 0.0 AS w_s
    FROM pair_groups AS g
    JOIN sample_crosstabs AS x
        ON x.panel_id = g.reference_id AND x.part = g.reference_part AND x.pair_id = g.pair_id
        AND x.attribute = g.attribute AND x.level = g.level
    UNION ALL
    SELECT
        g.study_id, g.panel_id, g.pair_id, g.attribute, g.level, x.belief_code, x.action_code,
        0, 0.0, x.n, x.w
    FROM pair_groups AS g
    JOIN sample_crosstabs AS x
        ON x.panel_id = g.panel_id AND x.part = 'all' AND x.pair_id = g.pair_id
        AND x.attribute = g.attribute AND x.level = g.level
)
SELECT
    study_id, panel_id, pair_id, attribute, level, belief_code, action_code,
    sum(n_h)::BIGINT AS n_h,
    sum(n_s)::BIGINT AS n_s,
    ratio(sum(w_h), sum(sum(w_h)) OVER believers) AS p,
    ratio(sum(w_s), sum(sum(w_s)) OVER believers) AS q,
    ratio(sum(sum(w_h)) OVER believers, sum(sum(w_h)) OVER pair) AS belief_share_h,
    ratio(sum(sum(w_s)) OVER believers, sum(sum(w_s)) OVER pair) AS belief_share_s
FROM sides
GROUP BY study_id, panel_id, pair_id, attribute, level, belief_code, action_code
WINDOW
    believers AS (PARTITION BY panel_id, pair_id, attribute, level, belief_code),
    pair AS (PARTITION BY panel_id, pair_id, attribute, level);

COMMENT ON VIEW conditional_actions IS 'Shares of the actions given the belief, p of people and q of the panel, in every declared subgroup, for combinations that either side has.';
COMMENT ON COLUMN conditional_actions.belief_share_h IS 'share of people who hold the belief';
