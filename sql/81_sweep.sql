-- Every number by condition, over seeds: what a plan's grid comes to. A condition is all that a plan sets, but the seed;
-- panels of one condition and several seeds are one row, their spread beside their mean.

CREATE OR REPLACE VIEW sweep AS
WITH conditions AS (
    SELECT
        panel_id, seed, created_at,
        {
            study_id: study_id, study_hash: study_hash, reference_id: reference_id, reference_split: reference_split,
            kind: kind, strategy: strategy, model: model,
            -- The embedded model is another for each seed: that is part of its spread.
            base_fingerprint: CASE WHEN model <> 'embedded' THEN base_fingerprint END,
            engine: engine, mode: mode, prompt: prompt,
            -- Examples are drawn by the seed: which people they are is part of its spread too.
            template_hash: CASE WHEN shots > 0 THEN coalesce(settings ->> 'template_without_shots', template_hash)
                ELSE template_hash END,
            fields: fields, shots: shots,
            item_order: item_order, option_order: option_order, order_average: order_average,
            chat: chat,
            temperature: temperature, copies: copies, wave: wave, tune: tune,
            pilot_selection: pilot_selection, pilot_by: pilot_by, pilot_arm: pilot_arm, pilot_n: pilot_n,
            -- Panels that no plan made say nothing of their condition: each is its own.
            panel_id: CASE WHEN plan_hash IS NULL THEN panel_id END
        } AS condition
    FROM panels
    WHERE kind <> 'human'
),
latest AS (
    -- A seed made again, by another version for instance, is no further seed.
    SELECT * FROM conditions
    QUALIFY row_number() OVER (PARTITION BY condition, seed ORDER BY created_at DESC NULLS LAST, panel_id DESC) = 1
),
figures AS (
    SELECT
        c.condition,
        a.family, a.metric, a.item_id, a.item_id_2, a.attribute, a.level, a.term,
        count(*) AS panels,
        list(c.seed ORDER BY c.seed) AS seeds,
        count(a.estimate) AS defined,
        avg(a.estimate) AS mean,
        stddev_samp(a.estimate) AS sd,
        min(a.estimate) AS least,
        max(a.estimate) AS most,
        avg(a.floor) AS floor,
        avg(a.floor_q95) AS floor_q95
    FROM alignment AS a
    JOIN latest AS c ON c.panel_id = a.panel_id
    GROUP BY ALL
)
SELECT unnest(condition), * EXCLUDE (condition) FROM figures;

COMMENT ON VIEW sweep IS 'Every alignment metric by condition (all that a plan sets, but the seed): mean and spread over seeds. One row a condition and number.';
COMMENT ON COLUMN sweep.panel_id IS 'the panel, where no plan made it; NULL otherwise';
COMMENT ON COLUMN sweep.base_fingerprint IS 'the model''s; NULL where it is embedded, which is another for each seed';
COMMENT ON COLUMN sweep.template_hash IS 'of the prompt, without the people that it shows as examples';
COMMENT ON COLUMN sweep.panels IS 'panels of this condition, the latest of each seed; those with an undefined figure too';
COMMENT ON COLUMN sweep.seeds IS 'their seeds';
COMMENT ON COLUMN sweep.defined IS 'panels whose figure is defined: those behind mean, sd, least and most';
COMMENT ON COLUMN sweep.mean IS 'mean over seeds';
COMMENT ON COLUMN sweep.sd IS 'standard deviation over seeds (divisor n - 1): how much tuning and drawing anew changes, the people being the same; NULL with one seed';
COMMENT ON COLUMN sweep.least IS 'least over seeds';
COMMENT ON COLUMN sweep.most IS 'most over seeds';
COMMENT ON COLUMN sweep.floor IS 'mean over seeds of the floor: the figure between two samples of people of these sizes';
COMMENT ON COLUMN sweep.floor_q95 IS 'mean over seeds of the 95 % quantile of the floor';
