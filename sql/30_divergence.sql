-- How far the answers of a panel are from the people's, item by item and as the mean over the asked items.

CREATE OR REPLACE VIEW divergence AS
SELECT * FROM item_metrics
-- Said in this way, the planner leaves subgroups uncounted; with family = 'divergence' it counts them and drops them.
WHERE attribute = 'all' AND family <> 'heterogeneity';

COMMENT ON VIEW divergence IS 'Distance between the answer distributions of a panel and its reference, an item a row; item_id NULL is the mean over the asked items.';
COMMENT ON COLUMN divergence.metric IS '${METRICS:divergence}';
COMMENT ON COLUMN divergence.estimate IS 'NULL where undefined, with a reason; kl_divergence is infinite where the panel never gives an answer that people give';
COMMENT ON COLUMN divergence.n_h IS 'people who answered; for a mean, the fewest of any item in it';
