"""Every query behind the report, as a reader would type it; the page prints each beside the numbers it gave.

They read session variables, set once by :func:`prelude`: ``reference`` and ``split`` say who judges, ``panels`` who is
judged, ``focus`` which few of those are drawn in detail.
"""

from __future__ import annotations

from simframe.warehouse.wide_views import quote_text

STUDIES = """
SELECT study_id, count(*) AS panels, max(created_at) AS newest
FROM panels GROUP BY study_id ORDER BY study_id
"""

# Whoever judges panels of the study, people and part of them. First those of the newest judged panel, then of their
# parts the one that judges most panels: a single panel judged otherwise does not take the page over.
REFERENCES = """
WITH judges AS (
    SELECT h.panel_id, h.study_hash, c.reference_split, h.created_at, count(c.panel_id) AS panels,
        max(p.created_at) AS newest
    FROM panels AS h
    LEFT JOIN comparisons AS c ON c.reference_id = h.panel_id AND c.study_hash = h.study_hash
    LEFT JOIN panels AS p ON p.panel_id = c.panel_id
    WHERE h.kind = 'human' AND h.study_id = getvariable('study')
    GROUP BY ALL
)
SELECT panel_id, study_hash, reference_split, panels
FROM judges
ORDER BY panels > 0 DESC, max(newest) OVER (PARTITION BY panel_id) DESC NULLS LAST, created_at DESC, panel_id,
    panels DESC, newest DESC NULLS LAST, reference_split NULLS LAST
"""

STUDY = "SELECT study_id, study_hash, title, description FROM studies WHERE study_hash = getvariable('version')"

ITEMS = """
SELECT item_id, label, wording, scale, role, unit, asked
FROM items WHERE study_id = getvariable('study') AND study_hash = getvariable('version') ORDER BY position
"""

OPTIONS = """
SELECT item_id, code, label, position, kind
FROM options WHERE study_id = getvariable('study') AND study_hash = getvariable('version') AND NOT missing
ORDER BY item_id, position
"""

LEVELS = """
SELECT attribute, level, label, position, crossing
FROM levels WHERE study_id = getvariable('study') AND study_hash = getvariable('version') AND attribute <> 'all'
ORDER BY position
"""

BLOCKS = """
SELECT structure_id, label, items
FROM blocks WHERE study_id = getvariable('study') AND study_hash = getvariable('version') ORDER BY structure_id
"""

PAIRS = """
SELECT pair_id, label, belief, action
FROM pairs WHERE study_id = getvariable('study') AND study_hash = getvariable('version') ORDER BY pair_id
"""

REGRESSIONS = """
SELECT regression_id, label, formula, family, weighted, covariance
FROM regressions WHERE study_id = getvariable('study') AND study_hash = getvariable('version') ORDER BY regression_id
"""

PARTS = """
SELECT coalesce(split, 'all') AS split, count(*) AS respondents, sum(weight) AS weight
FROM respondents WHERE panel_id = getvariable('reference') GROUP BY ALL ORDER BY split
"""

PANELS = """
SELECT p.panel_id, p.kind, p.label, p.source, p.strategy, p.plan_id, p.plan_hash, p.reference_id, p.reference_split,
    coalesce(p.pilot_n, 0) AS pilot_n,
    concat_ws(
        ' ', p.model, p.engine, p.mode, p.prompt, p.template_hash, p.fields, p.shots, p.item_order, p.option_order,
        p.order_average, p.chat, p.temperature, p.copies, p.tune, p.pilot_selection, p.pilot_by, p.pilot_arm,
        CASE WHEN p.wave THEN 'wave' END
    ) AS condition,
    way_of(p) AS way, coalesce(p.wave, false) AS wave,
    p.seed, p.model, p.base_fingerprint, p.adapter_fingerprint, p.template_hash,
    p.n_respondents, p.n_responses, p.tokens, p.seconds, strftime(p.created_at, '%Y-%m-%d %H:%M') AS published,
    p.simframe_version, p.versions, p.settings, e.evaluation_id, e.replicates, e.seed AS evaluation_seed
FROM panels AS p
LEFT JOIN evaluations AS e ON e.panel_id = p.panel_id AND e.speaks
WHERE list_contains(getvariable('panels'), p.panel_id) OR p.panel_id = getvariable('reference')
ORDER BY p.kind <> 'human', list_position(getvariable('panels'), p.panel_id)
"""

# Who is judged, in the order that every list keeps.
JUDGED = """
SELECT p.panel_id
FROM comparisons AS c
JOIN panels AS p ON p.panel_id = c.panel_id
WHERE c.reference_id = getvariable('reference') AND c.reference_split IS NOT DISTINCT FROM getvariable('split')
ORDER BY p.kind <> 'simulated', p.strategy, p.pilot_n NULLS FIRST, p.model, p.seed, p.panel_id
"""

RULES = """
SELECT axis, position, family, metric, choice, per, ideal::DOUBLE AS ideal, floored, margin::DOUBLE AS margin
FROM verdict_rules WHERE study_id = getvariable('study') AND study_hash = getvariable('version')
ORDER BY position, choice
"""

# Set after the first judged panel was published: whoever set it may have seen what it decides.
THRESHOLDS = """
SELECT name, value, default_value, declared, strftime(declared_at, '%Y-%m-%d %H:%M') AS declared_at,
    coalesce(declared_at > (
        SELECT min(created_at) FROM panels WHERE list_contains(getvariable('panels'), panel_id)
    ), false) AS late,
    meaning
FROM thresholds WHERE study_id = getvariable('study') AND study_hash = getvariable('version')
ORDER BY position
"""

VERSIONS = """
SELECT h.study_hash, strftime(max(h.created_at), '%Y-%m-%d %H:%M') AS imported, count(c.panel_id) AS panels,
    max(h.created_at) > (SELECT created_at FROM panels WHERE panel_id = getvariable('reference')) AS newer
FROM panels AS h
LEFT JOIN comparisons AS c ON c.reference_id = h.panel_id
WHERE h.kind = 'human' AND h.study_id = getvariable('study') AND h.study_hash <> getvariable('version')
GROUP BY h.study_hash ORDER BY max(h.created_at), h.study_hash
"""

SCORES = """
SELECT panel_id, axis, position, metric, item_id, item_id_2, attribute, level, term,
    estimate, ci_low, ci_high, floor, floor_q95, base_panel_id, base_estimate,
    baseline_panel_id, baseline_estimate, baseline_ci_low, baseline_ci_high, n_h, n_s, verdict, fit, reason, thresholds
FROM scorecard
WHERE list_contains(getvariable('panels'), panel_id) OR panel_id = getvariable('reference')
ORDER BY position, list_position(getvariable('panels'), panel_id)
"""

# One row a panel and figure that is drawn against pilot size. Means over the asked items have no item_id.
CURVES = """
SELECT panel_id, family, metric, attribute, level, term, estimate, ci_low, ci_high, floor, floor_q95, n_h, n_s, reason
FROM alignment
WHERE (list_contains(getvariable('panels'), panel_id) OR panel_id = getvariable('reference'))
    AND CASE family
        WHEN 'divergence' THEN metric = 'js_distance' AND item_id IS NULL
        WHEN 'heterogeneity' THEN attribute = 'all'
            AND (metric = 'structure_ratio' OR (metric = 'entropy_ratio' AND item_id IS NULL))
        WHEN 'subgroups' THEN metric = 'worst_group_js_distance' AND item_id IS NULL
        WHEN 'coherence' THEN metric = 'belief_action_gap' AND attribute = 'all'
        WHEN 'recovery' THEN metric = 'sign_f1' AND attribute = 'all'
        ELSE false
    END
ORDER BY family, metric, attribute, term, list_position(getvariable('panels'), panel_id)
"""

SHARES = """
SELECT s.panel_id, s.item_id, s.code, s.position, s.n_h, s.n_s, s.p, s.q
FROM shares AS s
JOIN items AS i ON i.study_id = s.study_id AND i.study_hash = s.study_hash AND i.item_id = s.item_id
WHERE list_contains(getvariable('focus'), s.panel_id) AND s.attribute = 'all' AND i.asked
ORDER BY i.position, list_position(getvariable('panels'), s.panel_id), s.position
"""

ITEM_DISTANCES = """
SELECT panel_id, item_id, estimate, ci_low, ci_high, floor, floor_q95, reason
FROM alignment
WHERE list_contains(getvariable('focus'), panel_id) AND family = 'divergence' AND metric = 'js_distance'
    AND item_id IS NOT NULL AND attribute = 'all'
ORDER BY item_id, list_position(getvariable('panels'), panel_id)
"""

STRUCTURES = """
SELECT panel_id, structure_id, unique_structures_h, unique_structures_s, rarefied_structures_h, rarefied_structures_s,
    structure_ratio, n_h, n_s, reason
FROM structure_counts
WHERE list_contains(getvariable('focus'), panel_id) AND attribute = 'all'
ORDER BY structure_id, list_position(getvariable('panels'), panel_id)
"""

SUBGROUPS = """
SELECT panel_id, metric, attribute, level, estimate, ci_low, ci_high, floor, floor_q95,
    estimate - floor AS excess, n_h, n_s, reason
FROM alignment
WHERE list_contains(getvariable('focus'), panel_id) AND family = 'subgroups'
    AND metric IN ('js_distance', 'worst_group_js_distance') AND item_id IS NULL
ORDER BY attribute, level, list_position(getvariable('panels'), panel_id), metric
"""

COHERENCE = """
SELECT panel_id, term AS pair_id, metric, estimate, ci_low, ci_high, floor, floor_q95, p_value, n_h, n_s, reason
FROM alignment
WHERE list_contains(getvariable('focus'), panel_id) AND family = 'coherence' AND attribute = 'all'
    AND metric IN ('belief_action_gap_h', 'belief_action_gap_s', 'belief_action_gap', 'conditional_js',
        'cramers_v_h', 'cramers_v_s', 'cramers_v_inflation')
ORDER BY term, list_position(getvariable('panels'), panel_id), metric
"""

# The whole grid of declared beliefs and actions; p and q are NULL where nobody on that side holds the belief.
ACTIONS = """
SELECT c.panel_id, x.pair_id, b.code AS belief_code, b.position AS belief_position,
    a.code AS action_code, a.position AS action_position, m.action_code AS implied,
    coalesce(k.n_h, 0) AS n_h, coalesce(k.n_s, 0) AS n_s,
    CASE WHEN held.share_h > 0 THEN coalesce(k.p, 0) END AS p,
    CASE WHEN held.share_s > 0 THEN coalesce(k.q, 0) END AS q,
    coalesce(held.share_h, 0) AS belief_share_h, coalesce(held.share_s, 0) AS belief_share_s
FROM comparisons AS c
JOIN pairs AS x USING (study_id, study_hash)
JOIN options AS b ON b.study_id = c.study_id AND b.study_hash = c.study_hash AND b.item_id = x.belief AND NOT b.missing
JOIN options AS a ON a.study_id = c.study_id AND a.study_hash = c.study_hash AND a.item_id = x.action AND NOT a.missing
LEFT JOIN implications AS m
    ON m.study_id = c.study_id AND m.study_hash = c.study_hash AND m.pair_id = x.pair_id AND m.belief_code = b.code
LEFT JOIN conditional_actions AS k
    ON k.panel_id = c.panel_id AND k.pair_id = x.pair_id AND k.belief_code = b.code AND k.action_code = a.code
    AND k.attribute = 'all'
LEFT JOIN (
    SELECT panel_id, pair_id, belief_code, max(belief_share_h) AS share_h, max(belief_share_s) AS share_s
    FROM conditional_actions WHERE attribute = 'all' GROUP BY ALL
) AS held ON held.panel_id = c.panel_id AND held.pair_id = x.pair_id AND held.belief_code = b.code
WHERE list_contains(getvariable('focus'), c.panel_id)
ORDER BY x.pair_id, list_position(getvariable('panels'), c.panel_id), b.position, a.position
"""

RECOVERY = """
SELECT panel_id, term AS regression_id, metric, estimate, n_h, n_s, reason
FROM alignment
WHERE list_contains(getvariable('focus'), panel_id) AND family = 'recovery' AND attribute = 'all'
ORDER BY term, list_position(getvariable('panels'), panel_id), metric
"""

COEFFICIENTS = """
SELECT panel_id, regression_id, term, estimate_h, se_h, ci_low_h, ci_high_h, estimate_s, se_s, ci_low_s, ci_high_s,
    class_h, class_s, covered, reason
FROM coefficient_pairs
WHERE list_contains(getvariable('focus'), panel_id) AND kind = 'slope' AND attribute = 'all'
ORDER BY regression_id, list_position(getvariable('panels'), panel_id), term
"""


def prelude(
    *, study: str, version: str, reference: str | None, split: str | None, panels: list[str], focus: list[str]
) -> list[str]:
    """Return the statements that set what every query reads."""

    def text(value: str | None) -> str:
        return "NULL" if value is None else quote_text(value)

    def texts(values: list[str]) -> str:
        return f"[{', '.join(map(quote_text, values))}]::VARCHAR[]"

    return [
        f"SET VARIABLE study = {text(study)}",
        f"SET VARIABLE version = {text(version)}",
        f"SET VARIABLE reference = {text(reference)}",
        f"SET VARIABLE split = {text(split)}",
        f"SET VARIABLE panels = {texts(panels)}",
        f"SET VARIABLE focus = {texts(focus)}",
    ]
