-- What verdicts take: the thresholds of every study version, from its latest declaration, else the defaults.

CREATE OR REPLACE TABLE threshold_history AS
SELECT
    t.study_id::VARCHAR AS study_id,
    t.study_hash::VARCHAR AS study_hash,
    t.place::BIGINT AS place,
    t.name::VARCHAR AS name,
    t.value::DOUBLE AS value,
    t.default_value::DOUBLE AS default_value,
    t.declared::BOOLEAN AS declared,
    make_timestamp(epoch_us(t.declared_at::TIMESTAMPTZ)) AS declared_at
FROM read_parquet(
    '${ROOT}/data/thresholds=*/thresholds.parquet',
    hive_partitioning = true, hive_types_autocast = false, union_by_name = true
) AS t
WHERE t.thresholds::VARCHAR IN (SELECT declaration_id FROM published_thresholds);

COMMENT ON TABLE threshold_history IS 'One row a threshold of every declaration, older ones too: what a study file said, and when.';
COMMENT ON COLUMN threshold_history.place IS 'of the declaration among those of its study version, from 1; the last counts';
COMMENT ON COLUMN threshold_history.declared IS 'the study file set it; otherwise the default counted';

CREATE OR REPLACE VIEW thresholds AS
WITH latest AS (
    FROM threshold_history
    QUALIFY place = max(place) OVER (PARTITION BY study_id, study_hash)
),
differed AS (
    SELECT l.study_id, l.study_hash, l.name, max(h.place) AS place
    FROM latest AS l
    JOIN threshold_history AS h
        ON h.study_id = l.study_id AND h.study_hash = l.study_hash AND h.name = l.name
        AND (h.value IS DISTINCT FROM l.value OR h.declared <> l.declared)
    GROUP BY ALL
),
since AS (
    -- A declaration repeats what stood before: a threshold counts since the first of those that agree with the last.
    -- A default that no declaration ever changed has counted from the beginning.
    SELECT h.study_id, h.study_hash, h.name, min(h.declared_at) AS declared_at
    FROM threshold_history AS h
    LEFT JOIN differed AS d ON d.study_id = h.study_id AND d.study_hash = h.study_hash AND d.name = h.name
    WHERE h.place > coalesce(d.place, 0) AND (h.declared OR d.place IS NOT NULL)
    GROUP BY ALL
)
SELECT
    s.study_id, s.study_hash, d.name,
    CASE WHEN t.declared THEN t.value ELSE d.default_value END AS value,
    d.default_value,
    coalesce(t.declared, false) AS declared,
    w.declared_at,
    d.position, d.meaning
FROM studies AS s
CROSS JOIN threshold_defaults AS d
LEFT JOIN latest AS t ON t.study_id = s.study_id AND t.study_hash = s.study_hash AND t.name = d.name
LEFT JOIN since AS w ON w.study_id = s.study_id AND w.study_hash = s.study_hash AND w.name = d.name;

COMMENT ON VIEW thresholds IS 'One row a threshold of every study version: the value that counts for its verdicts.';
COMMENT ON COLUMN thresholds.value IS 'NULL for a margin that is not set: then no panel is shown near enough to people on that axis';
COMMENT ON COLUMN thresholds.declared IS 'by the study file; otherwise the default';
COMMENT ON COLUMN thresholds.declared_at IS 'since when it counts, UTC; NULL for a default that no declaration ever changed';

-- The same, one wide row a study version, for views to join.
CREATE OR REPLACE VIEW study_thresholds AS
SELECT
    study_id, study_hash,
    max(value) FILTER (name = 'small_group')::BIGINT AS small_group,
    max(value) FILTER (name = 'marginals_margin') AS marginals_margin,
    max(value) FILTER (name = 'heterogeneity_margin') AS heterogeneity_margin,
    max(value) FILTER (name = 'subgroups_margin') AS subgroups_margin,
    max(value) FILTER (name = 'coherence_margin') AS coherence_margin,
    max(value) FILTER (name = 'sign_f1') AS sign_f1,
    max(value) FILTER (name = 'false_positive_rate') AS false_positive_rate,
    max(value) FILTER (name = 'coefficient_coverage') AS coefficient_coverage,
    max(value) FILTER (name = 'individuals_r') AS individuals_r,
    bool_or(name = 'individuals_r' AND declared) AS individuals_declared,
    string_agg(name || ' ' || coalesce(format('{:g}', value), 'none'), ', ' ORDER BY position)
        FILTER (value IS DISTINCT FROM default_value) AS changed
FROM thresholds
GROUP BY ALL;

COMMENT ON VIEW study_thresholds IS 'One row a study version: its thresholds side by side, and which are not the defaults.';
