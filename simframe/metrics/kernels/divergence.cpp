#include <algorithm>
#include <cmath>

#include "table.hpp"

namespace simframe {

namespace {

// sum of p log2(p / q): 0 where p = 0, infinite where q = 0 < p. Rounding never makes it negative.
double kl_of(const Shares& p, const Shares& q) {
    double bits = 0.0;
    for (size_t k = 0; k < p.size(); ++k) {
        if (p[k] > 0) bits += p[k] * std::log2(p[k] / q[k]);
    }
    return std::max(bits, 0.0);
}

// Applies a divergence of shares to the first two columns.
template <typename Divergence>
std::optional<double> of_shares(const Table& table, Divergence divergence) {
    const auto p = shares_of(table.columns[0]), q = shares_of(table.columns[1]);
    if (!p || !q) return std::nullopt;
    return divergence(*p, *q);
}

Shares smoothed(const Shares& shares, double n, double pseudocount) {
    Shares result(shares);
    const double whole = n + pseudocount * static_cast<double>(shares.size());
    for (double& share : result) share = (n * share + pseudocount) / whole;
    return result;
}

// What the chi-squared test is made of: shares, sample sizes and, where squared weights are known, design effects.
struct Homogeneity {
    double statistic = 0.0;
    double df = -1.0;
};

// Linearised variance of a weighted share, sum of (w_i (x_ik - p_k))^2 over (sum w)^2.
double design_variance(double share, double squares, double all_squares, double total) {
    return (squares * (1 - 2 * share) + all_squares * share * share) / total / total;
}

std::optional<Homogeneity> homogeneity(const Table& table) {
    const auto& h = table.columns[0];
    const auto& s = table.columns[1];
    const auto total_h = total_of(h), total_s = total_of(s);
    if (!total_h || !total_s) return std::nullopt;
    const bool weighted = table.columns.size() == 4;
    double n_h = *total_h, n_s = *total_s, all_squares_h = 0.0, all_squares_s = 0.0;
    if (weighted) {
        const auto squares_h = total_of(table.columns[2]), squares_s = total_of(table.columns[3]);
        if (!squares_h || !squares_s) return std::nullopt;
        all_squares_h = *squares_h;
        all_squares_s = *squares_s;
        n_h *= *total_h / all_squares_h;  // Kish's effective sample size
        n_s *= *total_s / all_squares_s;
    }
    Homogeneity result;
    double designed = 0.0, simple = 0.0;
    for (size_t k = 0; k < h.size(); ++k) {
        const double p = h[k] / *total_h, q = s[k] / *total_s;
        const double pooled = (n_h * p + n_s * q) / (n_h + n_s);
        if (!(pooled > 0)) continue;
        result.df += 1;
        result.statistic += (p - q) * (p - q) / pooled;
        if (weighted) {
            designed += (design_variance(p, table.columns[2][k], all_squares_h, *total_h) +
                         design_variance(q, table.columns[3][k], all_squares_s, *total_s)) /
                        pooled;
            simple += (p * (1 - p) / n_h + q * (1 - q) / n_s) / pooled;
        }
    }
    result.statistic *= n_h / (1 + n_h / n_s);
    if (weighted && designed > 0) result.statistic *= simple / designed;
    return result;
}

}  // namespace

double js_of(const Shares& p, const Shares& q) {
    Shares middle(p);
    for (size_t k = 0; k < p.size(); ++k) middle[k] = (p[k] + q[k]) / 2;
    return std::min((kl_of(p, middle) + kl_of(q, middle)) / 2, 1.0);
}

std::optional<double> total_variation(const Table& table) {
    return of_shares(table, [](const Shares& p, const Shares& q) {
        double sum = 0.0;
        for (size_t k = 0; k < p.size(); ++k) sum += std::abs(p[k] - q[k]);
        return std::min(sum / 2, 1.0);
    });
}

std::optional<double> kl_divergence(const Table& table) { return of_shares(table, kl_of); }

std::optional<double> kl_smoothed(const Table& table) {
    return of_shares(table, [&](const Shares& p, const Shares& q) {
        const double n_h = std::isnan(table.numbers[0]) ? *total_of(table.columns[0]) : table.numbers[0];
        const double n_s = std::isnan(table.numbers[1]) ? *total_of(table.columns[1]) : table.numbers[1];
        const double pseudocount = table.numbers[2];
        return kl_of(smoothed(p, n_h, pseudocount), smoothed(q, n_s, pseudocount));
    });
}

std::optional<double> js_divergence(const Table& table) { return of_shares(table, js_of); }

std::optional<double> js_distance(const Table& table) {
    return of_shares(table, [](const Shares& p, const Shares& q) { return std::sqrt(js_of(p, q)); });
}

std::optional<double> hellinger(const Table& table) {
    return of_shares(table, [](const Shares& p, const Shares& q) {
        double sum = 0.0;
        for (size_t k = 0; k < p.size(); ++k) sum += std::pow(std::sqrt(p[k]) - std::sqrt(q[k]), 2);
        return std::sqrt(std::min(sum / 2, 1.0));
    });
}

std::optional<double> chi2_statistic(const Table& table) {
    const auto test = homogeneity(table);
    return test ? std::optional(test->statistic) : std::nullopt;
}

std::optional<double> chi2_df(const Table& table) {
    const auto test = homogeneity(table);
    return test ? std::optional(test->df) : std::nullopt;
}

}  // namespace simframe
