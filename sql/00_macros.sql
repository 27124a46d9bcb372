-- The terms of the formulas, as scalar macros: what a view sums, averages or divides.
-- Scalar macros resolve in this catalog even when it is attached to another database; table macros do not.

-- Division that is NULL, never infinite or NaN, where the denominator is zero.
CREATE OR REPLACE MACRO ratio(x, y) AS CASE WHEN y <> 0 THEN x / y END;

-- How many times as strong an association is in the panel; NULL where people have none. Where answers go apart exactly,
-- sums of weights leave an association of 1e-16, and V is a root.
CREATE OR REPLACE MACRO inflation_ratio(metric, s, h) AS
    CASE WHEN abs(h) >= CASE WHEN metric LIKE 'cramers\_v%' ESCAPE '\' THEN 1e-6 ELSE 1e-12 END THEN s / h END;

-- How many respondents of equal weight tell as much (Kish 1965). Rounded: thirty equal weights are thirty people.
CREATE OR REPLACE MACRO effective_n(w, w2) AS coalesce(round(w * w / nullif(w2, 0), 6), 0);

-- What to bear in mind of a subgroup: few people, or few simulated respondents, stand behind the figure, or such of
-- unequal weights, worth few. `n` is that of the smaller side.
CREATE OR REPLACE MACRO small_n(attribute, n, small_group) AS
    CASE WHEN attribute <> 'all' AND n < small_group THEN 'small_n' END;

-- A number, or NULL for NaN and the infinities.
CREATE OR REPLACE MACRO finite(x) AS CASE WHEN isfinite(x) THEN x END;

-- A number kept within bounds; NULL stays NULL (greatest and least would skip it).
CREATE OR REPLACE MACRO clamp(x, low, high) AS CASE WHEN x IS NOT NULL THEN greatest(low, least(high, x)) END;

-- One option's share of a Kullback-Leibler divergence, in bits: 0 log 0 = 0, infinite where q = 0 < p.
CREATE OR REPLACE MACRO kl_term(p, q) AS
    CASE
        WHEN p > 0 AND q > 0 THEN p * log2(p / q)
        WHEN p > 0 AND q = 0 THEN 'Infinity'::DOUBLE
        WHEN p = 0 AND q IS NOT NULL THEN 0.0
    END;

-- One option's share of a Jensen-Shannon divergence, in bits.
CREATE OR REPLACE MACRO js_term(p, q) AS (kl_term(p, (p + q) / 2) + kl_term(q, (p + q) / 2)) / 2;

-- One option's share of a Shannon entropy, in bits.
CREATE OR REPLACE MACRO entropy_term(p) AS CASE WHEN p > 0 THEN p * log2(1 / p) WHEN p = 0 THEN 0.0 END;

-- A share after adding a pseudocount of one half to each of k options.
CREATE OR REPLACE MACRO smoothed(p, n, k) AS (n * p + 0.5) / (n + 0.5 * k);

-- Linearised variance of a weighted share: w and w2 are the option's sums of weights and of squared weights.
CREATE OR REPLACE MACRO share_variance(p, w2, w_total, w2_total) AS
    (w2 * (1 - 2 * p) + w2_total * p * p) / (w_total * w_total);

-- An end of an interval. Views and evaluations add in different orders: what differs in its last digits is the estimate.
CREATE OR REPLACE MACRO interval_end(bound, estimate) AS
    CASE WHEN abs(bound - estimate) <= 1e-12 * greatest(1, abs(estimate)) THEN estimate ELSE bound END;

-- Chance that m of n respondents, drawn without replacement, all miss the n_t who share a structure:
-- C(n - n_t, m) / C(n, m).
CREATE OR REPLACE MACRO missed(n, n_t, m) AS
    CASE
        WHEN n - n_t < m THEN 0.0
        ELSE exp(lgamma(n - n_t + 1) - lgamma(n - n_t - m + 1) - lgamma(n + 1) + lgamma(n - m + 1))
    END;

-- erfc(sqrt(y)): a series where it keeps its digits, else the continued fraction from the bottom (Abramowitz and Stegun
-- 1964, 7.1.6 and 6.5.31).
CREATE OR REPLACE MACRO erfc_root(y) AS
    CASE
        WHEN y <= 0 THEN 1.0
        WHEN y < 4
            THEN 1 - list_sum(list_transform(range(0, 60), lambda k: exp((k + 0.5) * ln(y) - y - lgamma(k + 1.5))))
        ELSE exp(0.5 * ln(y) - y - lgamma(0.5)) / list_reduce(
            range(40, -1, -1), lambda below, k: y + 2 * k + 0.5 - (k + 1) * (k + 0.5) / below, y + 81.5)
    END;

-- Upper tail of the chi-squared distribution with whole degrees of freedom: a finite sum (Abramowitz and Stegun 1964,
-- 26.4.4 and 26.4.5). With none, a point at 0.
CREATE OR REPLACE MACRO chi2_sf(x, df) AS
    CASE
        WHEN x = 0 THEN 1.0
        WHEN df = 0 OR isinf(x) THEN 0.0
        WHEN x > 0 AND df > 0 THEN CASE WHEN df % 2 = 0 THEN 0.0 ELSE erfc_root(x / 2) END
            + coalesce(list_sum(list_transform(
                range(floor(df / 2)::BIGINT),
                lambda k: exp((k + df % 2 / 2) * ln(x / 2) - x / 2 - lgamma(k + 1 + df % 2 / 2)))), 0)
    END;

-- How far a figure is from its ideal, and the least and greatest distance within an interval.
CREATE OR REPLACE MACRO loss(x, ideal) AS abs(x - ideal);
CREATE OR REPLACE MACRO loss_low(low, high, ideal) AS
    CASE WHEN low <= ideal AND high >= ideal THEN 0.0 ELSE least(abs(low - ideal), abs(high - ideal)) END;
CREATE OR REPLACE MACRO loss_high(low, high, ideal) AS greatest(abs(low - ideal), abs(high - ideal));

-- The part of a panel that is compared: all of it where no part is named.
CREATE OR REPLACE MACRO part_of(split) AS coalesce(split, 'all');

-- How the model of a panel was asked, in one text: an untuned model that read another prompt is another.
CREATE OR REPLACE MACRO way_of(p) AS concat_ws(
    ' ', struct_extract(p, 'engine'), struct_extract(p, 'mode'), struct_extract(p, 'prompt'),
    struct_extract(p, 'fields'), struct_extract(p, 'shots'), struct_extract(p, 'item_order'),
    struct_extract(p, 'option_order'), struct_extract(p, 'order_average'), struct_extract(p, 'chat'),
    struct_extract(p, 'temperature'), struct_extract(p, 'copies')
);

-- What to say beside a mean over items that are not all defined: where no item is, for one reason, that reason.
CREATE OR REPLACE MACRO mean_reason(defined, asked, reasons) AS
    CASE
        WHEN defined = 0 AND len(reasons) = 1 THEN reasons[1]
        WHEN defined = 0 THEN 'undefined for every asked item'
        WHEN defined < asked THEN 'mean of ' || defined || ' of ' || asked || ' asked items'
    END;

-- The family of a metric of single items: divergences within groups answer a question of their own.
CREATE OR REPLACE MACRO item_family(divergence, attribute) AS
    CASE WHEN NOT divergence THEN 'heterogeneity' WHEN attribute = 'all' THEN 'divergence' ELSE 'subgroups' END;

-- A coefficient's class at alpha = 0.05: its sign where significant, else 0.
CREATE OR REPLACE MACRO significance(estimate, p_value) AS
    CASE WHEN p_value < 0.05 THEN sign(estimate)::INTEGER WHEN p_value >= 0.05 THEN 0 END;
