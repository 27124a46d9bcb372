#include <cmath>

#include "table.hpp"

namespace simframe {

namespace {

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

std::optional<double> chi2_statistic(const Table& table) {
    const auto test = homogeneity(table);
    return test ? std::optional(test->statistic) : std::nullopt;
}

std::optional<double> chi2_df(const Table& table) {
    const auto test = homogeneity(table);
    return test ? std::optional(test->df) : std::nullopt;
}

}  // namespace simframe
