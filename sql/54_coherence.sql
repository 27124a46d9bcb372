-- Whether a panel acts on its beliefs as people do. Both tails count: too coherent is as wrong as incoherent.

CREATE OR REPLACE VIEW coherence AS
WITH gaps AS (
    SELECT
        *,
        unnest([
            {'metric': 'belief_action_gap', 'estimate': belief_action_gap_s - belief_action_gap_h,
                'reason': coalesce(reason_h, reason_s)},
            {'metric': 'belief_action_gap_h', 'estimate': belief_action_gap_h, 'reason': reason_h},
            {'metric': 'belief_action_gap_s', 'estimate': belief_action_gap_s, 'reason': reason_s}
        ]) AS figure
    FROM belief_action
),
sides AS (
    SELECT
        g.study_id, g.panel_id, g.reference_id, g.pair_id, g.belief, g.action, g.attribute, g.level, g.small_group,
        g.n_h, g.n_s, g.effective_h, g.effective_s, g.absent_h, g.absent_s,
        unnest([
            {'metric': 'cramers_v', 'h': h.cramers_v, 's': s.cramers_v,
                'reason_h': h.reason, 'reason_s': s.reason},
            {'metric': 'mutual_information', 'h': h.mutual_information, 's': s.mutual_information,
                'reason_h': NULL, 'reason_s': NULL},
            {'metric': 'goodman_kruskal_tau', 'h': h.goodman_kruskal_tau, 's': s.goodman_kruskal_tau,
                'reason_h': h.reason_tau, 'reason_s': s.reason_tau},
            {'metric': 'spearman', 'h': h.spearman, 's': s.spearman,
                'reason_h': h.reason_spearman, 'reason_s': s.reason_spearman}
        ]) AS side
    FROM pair_groups AS g
    LEFT JOIN associations AS h
        ON h.panel_id = g.reference_id AND h.part = g.reference_part AND h.pair_id = g.pair_id
        AND h.attribute = g.attribute AND h.level = g.level
    LEFT JOIN associations AS s
        ON s.panel_id = g.panel_id AND s.part = 'all' AND s.pair_id = g.pair_id
        AND s.attribute = g.attribute AND s.level = g.level
    UNION ALL
    SELECT
        c.study_id, c.panel_id, c.reference_id, p.pair_id, p.belief, p.action, d.attribute, d.level, c.small_group,
        coalesce(h.n, 0),
        coalesce(s.n, 0),
        coalesce(h.effective, 0),
        coalesce(s.effective, 0),
        -- Everybody's control is missing, or the panel was published before counts by control were kept.
        CASE WHEN h.n IS NULL THEN 'no counts by control in the reference' END,
        CASE WHEN s.n IS NULL THEN 'no counts by control in the panel' END,
        unnest([
            {'metric': 'cramers_v_partial', 'h': h.cramers_v, 's': s.cramers_v,
                'reason_h': h.reason, 'reason_s': s.reason},
            {'metric': 'mutual_information_partial', 'h': h.mutual_information, 's': s.mutual_information,
                'reason_h': NULL, 'reason_s': NULL},
            {'metric': 'goodman_kruskal_tau_partial', 'h': h.goodman_kruskal_tau, 's': s.goodman_kruskal_tau,
                'reason_h': h.reason_tau, 'reason_s': s.reason_tau},
            {'metric': 'spearman_partial', 'h': h.spearman, 's': s.spearman,
                'reason_h': h.reason_spearman, 'reason_s': s.reason_spearman}
        ])
    FROM comparisons AS c
    JOIN pairs AS p ON p.study_id = c.study_id AND p.study_hash = c.study_hash AND len(p.controls) > 0
    JOIN groupings AS d ON d.study_id = c.study_id AND d.study_hash = c.study_hash
    LEFT JOIN partial_associations AS h
        ON h.panel_id = c.reference_id AND h.part = part_of(c.reference_split) AND h.pair_id = p.pair_id
        AND h.attribute = d.attribute AND h.level = d.level
    LEFT JOIN partial_associations AS s
        ON s.panel_id = c.panel_id AND s.part = 'all' AND s.pair_id = p.pair_id
        AND s.attribute = d.attribute AND s.level = d.level
),
reasoned AS (
    SELECT
        *,
        coalesce(absent_h, side.reason_h || ' in the reference') AS reason_h,
        coalesce(absent_s, side.reason_s || ' in the panel') AS reason_s
    FROM sides
),
of_sides AS (
    SELECT
        *,
        unnest([
            {'suffix': '_h', 'estimate': side.h, 'reason': reason_h},
            {'suffix': '_s', 'estimate': side.s, 'reason': reason_s},
            {'suffix': '_inflation', 'estimate': side.s - side.h, 'reason': coalesce(reason_h, reason_s)},
            {'suffix': '_inflation_ratio', 'estimate': inflation_ratio(side.metric, side.s, side.h),
                'reason': coalesce(reason_h, reason_s, 'no association in the reference')}
        ]) AS figure
    FROM reasoned
),
conditional AS (
    SELECT
        panel_id, pair_id, attribute, level,
        clamp(sum(belief_share_h * js_term(p, q)), 0, 1) AS conditional_js,
        clamp(sum(belief_share_h * p) FILTER (q IS NOT NULL), 0, 1) AS coverage
    FROM conditional_actions
    WHERE p IS NOT NULL
    GROUP BY ALL
),
of_conditional AS (
    SELECT
        g.*,
        coalesce(absent_h, absent_s) AS absent,
        unnest([
            {'metric': 'conditional_js', 'estimate': x.conditional_js, 'reason': coalesce(absent, 'no belief in common')},
            {'metric': 'conditional_js_coverage', 'estimate': CASE WHEN absent IS NULL THEN coalesce(x.coverage, 0) END,
                'reason': absent}
        ]) AS figure
    FROM pair_groups AS g
    LEFT JOIN conditional AS x USING (panel_id, pair_id, attribute, level)
),
figures AS (
    SELECT
        study_id, panel_id, reference_id, figure.metric AS metric, belief, action, attribute, level, pair_id,
        figure.estimate AS estimate, n_h, n_s, effective_h, effective_s, small_group, figure.reason AS reason
    FROM gaps
    UNION ALL
    SELECT
        study_id, panel_id, reference_id, side.metric || figure.suffix, belief, action, attribute, level, pair_id,
        figure.estimate, n_h, n_s, effective_h, effective_s, small_group, figure.reason
    FROM of_sides
    UNION ALL
    SELECT
        study_id, panel_id, reference_id, figure.metric, belief, action, attribute, level, pair_id,
        figure.estimate, n_h, n_s, effective_h, effective_s, small_group, figure.reason
    FROM of_conditional
)
SELECT
    study_id, panel_id, reference_id, 'coherence' AS family, metric,
    belief AS item_id, action AS item_id_2, attribute, level, pair_id AS term,
    estimate, n_h, n_s, effective_h, effective_s,
    CASE WHEN estimate IS NULL THEN reason
        ELSE small_n(attribute, least(effective_h, effective_s), small_group) END AS reason
FROM figures;

COMMENT ON VIEW coherence IS 'Belief (item_id) against action (item_id_2) for every declared pair (term): whether a panel acts on its beliefs as people do.';
COMMENT ON COLUMN coherence.metric IS '${METRICS:coherence}; _h in people, _s in the panel, _inflation is s - h and _inflation_ratio s / h';
COMMENT ON COLUMN coherence.attribute IS 'all, a subgroup item, or two joined by *';
COMMENT ON COLUMN coherence.n_h IS 'people who answered both; for belief_action_gap, those whose belief implies an action';
