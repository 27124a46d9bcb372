-- Every number by condition, over seeds: what a plan's grid comes to. A condition is all that a plan sets, but the seed;
-- panels of one condition and several seeds are one row, their spread beside their mean.

CREATE OR REPLACE VIEW sweep AS
SELECT
    p.study_id, a.reference_id, p.reference_split,
    p.kind, p.strategy, p.model, p.engine, p.mode, p.prompt, p.template_hash, p.fields, p.shots,
    p.item_order, p.option_order, p.order_average, p.temperature, p.copies, p.tune,
    p.pilot_selection, p.pilot_by, p.pilot_arm, p.pilot_n,
    -- Panels that no plan made say nothing of their condition: each is its own.
    CASE WHEN p.plan_hash IS NULL THEN p.panel_id END AS panel_id,
    a.family, a.metric, a.item_id, a.item_id_2, a.attribute, a.level, a.term,
    count(*) AS panels,
    list(p.seed ORDER BY p.seed, p.panel_id) AS seeds,
    count(a.estimate) AS defined,
    avg(a.estimate) AS mean,
    stddev_samp(a.estimate) AS sd,
    min(a.estimate) AS least,
    max(a.estimate) AS most,
    avg(a.floor) AS floor,
    avg(a.floor_q95) AS floor_q95
FROM alignment AS a
JOIN panels AS p ON p.panel_id = a.panel_id
WHERE p.kind <> 'human'
GROUP BY ALL;

COMMENT ON VIEW sweep IS 'Every alignment metric by condition (all that a plan sets, but the seed): mean and spread over seeds. One row a condition and number.';
COMMENT ON COLUMN sweep.panel_id IS 'the panel, where no plan made it; NULL otherwise';
COMMENT ON COLUMN sweep.panels IS 'panels of this condition, one a seed; those with an undefined figure too';
COMMENT ON COLUMN sweep.seeds IS 'their seeds';
COMMENT ON COLUMN sweep.defined IS 'panels whose figure is defined: those behind mean, sd, least and most';
COMMENT ON COLUMN sweep.mean IS 'mean over seeds';
COMMENT ON COLUMN sweep.sd IS 'standard deviation over seeds (divisor n - 1): how much tuning and drawing anew changes, the people being the same; NULL with one seed';
COMMENT ON COLUMN sweep.least IS 'least over seeds';
COMMENT ON COLUMN sweep.most IS 'most over seeds';
COMMENT ON COLUMN sweep.floor IS 'mean over seeds of the floor: the figure between two samples of people of these sizes';
COMMENT ON COLUMN sweep.floor_q95 IS 'mean over seeds of the 95 % quantile of the floor';
