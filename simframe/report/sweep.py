"""The queries behind what the report says of a plan's grid and of tuning; they read the variables of ``queries``."""

from __future__ import annotations

# The figures that are drawn against pilot size, by condition. Panels that no plan made have none, and baselines that
# saw the wave too are left out: the charts set models beside baselines on the same pilots.
SWEEP = """
SELECT kind, strategy, model, base_fingerprint, engine, mode, prompt, template_hash, fields, shots, item_order,
    option_order, order_average, chat, temperature, copies, tune, pilot_selection, pilot_by, pilot_arm,
    coalesce(pilot_n, 0) AS pilot_n, family, metric, attribute, term, panels, seeds, mean, sd, least, most,
    floor, floor_q95
FROM sweep
WHERE reference_id = getvariable('reference') AND reference_split IS NOT DISTINCT FROM getvariable('split')
    AND study_id = getvariable('study') AND study_hash = getvariable('version')
    AND panel_id IS NULL AND attribute = 'all' AND wave IS NOT TRUE
    AND CASE family
        WHEN 'divergence' THEN metric = 'js_distance' AND item_id IS NULL
        WHEN 'heterogeneity' THEN metric = 'entropy_ratio' AND item_id IS NULL
        WHEN 'coherence' THEN metric = 'belief_action_gap'
        WHEN 'recovery' THEN metric = 'sign_f1'
        ELSE false
    END
ORDER BY ALL
"""

LEARNING = """
SELECT p.panel_id, l.adapter_fingerprint, l.pilot_n, l.seed, l.steps, l.fit, l.step, l.held_loss, l.train_loss
FROM learning_curves AS l
JOIN (
    SELECT adapter_fingerprint, base_fingerprint, arg_min(panel_id, (length(label), panel_id)) AS panel_id
    FROM panels WHERE list_contains(getvariable('panels'), panel_id) AND adapter_fingerprint IS NOT NULL
    GROUP BY ALL
) AS p ON p.adapter_fingerprint = l.adapter_fingerprint AND p.base_fingerprint = l.base_fingerprint
WHERE l.fit IN ('mean of folds', 'refit')
ORDER BY l.pilot_n, l.seed, p.panel_id, l.fit, l.step
"""
