#include <algorithm>
#include <cmath>

#include "table.hpp"

namespace simframe {

namespace {

double average(const std::vector<double>& weight, const std::vector<double>& value) {
    double sum = 0.0, total = 0.0;
    for (size_t k = 0; k < value.size(); ++k) {
        sum += weight[k] * value[k];
        total += weight[k];
    }
    return sum / total;
}

// Population variance (ddof 0), taken about the mean.
double variance(const std::vector<double>& weight, const std::vector<double>& value) {
    const double mean = average(weight, value);
    std::vector<double> squares(value);
    for (double& square : squares) square = (square - mean) * (square - mean);
    return average(weight, squares);
}

// Both panels by group, for the groups that both hold: weights, means, and variances within.
struct Grouped {
    std::vector<double> weight_h, weight_s, mean_h, mean_s, within_h, within_s;
    double largest = 0.0;  // absolute value anybody gave

    void add(double of_h, double of_s, double h_mean, double s_mean, double h_within, double s_within) {
        if (!(of_h > 0 && of_s > 0)) return;
        weight_h.push_back(of_h);
        weight_s.push_back(of_s);
        mean_h.push_back(h_mean);
        mean_s.push_back(s_mean);
        within_h.push_back(h_within);
        within_s.push_back(s_within);
    }
    bool varies(double variance) const { return beyond_rounding(variance, largest); }
};

using Groupings = std::optional<Grouped>;

Groupings grouped(const Table& table) {
    const auto& value = table.columns[2];
    if (!total_of(table.columns[0]) || !total_of(table.columns[1]) || !all_finite(value)) return std::nullopt;
    const Groups groups(table.columns[3]);
    struct Side {
        std::vector<double> total, mean, within;
    } sides[2];
    for (size_t i = 0; i < 2; ++i) {
        const auto& counts = table.columns[i];
        Side& side = sides[i];
        side.total = groups.sums(counts);
        std::vector<double> product(counts);
        for (size_t row = 0; row < counts.size(); ++row) product[row] *= value[row];
        side.mean = groups.sums(product);
        for (size_t g = 0; g < groups.count(); ++g) side.mean[g] /= side.total[g];
        for (size_t row = 0; row < counts.size(); ++row) {
            product[row] = counts[row] == 0 || groups[row] == Groups::none
                               ? 0.0
                               : counts[row] * std::pow(value[row] - side.mean[groups[row]], 2);
        }
        side.within = groups.sums(product);
    }
    Grouped result;
    for (const double each : value) result.largest = std::max(result.largest, std::abs(each));
    for (size_t g = 0; g < groups.count(); ++g) {
        const double total_h = sides[0].total[g], total_s = sides[1].total[g];
        result.add(total_h, total_s, sides[0].mean[g], sides[1].mean[g], sides[0].within[g] / total_h,
                   sides[1].within[g] / total_s);
    }
    return result.weight_h.empty() ? Groupings() : result;
}

Groupings from_moments(const Table& table) {
    const auto& c = table.columns;
    Grouped result;
    result.largest = table.numbers[0];
    for (size_t g = 0; g < c[0].size(); ++g) result.add(c[0][g], c[1][g], c[2][g], c[3][g], c[4][g], c[5][g]);
    return result.weight_h.empty() ? Groupings() : result;
}

std::optional<double> within_variance_ratio(const Groupings& g) {
    if (!g) return std::nullopt;
    const double reference = average(g->weight_h, g->within_h);
    if (!g->varies(reference)) return std::nullopt;
    return average(g->weight_h, g->within_s) / reference;
}

std::optional<double> eta2_ratio(const Groupings& g) {
    if (!g) return std::nullopt;
    const double between_h = variance(g->weight_h, g->mean_h), between_s = variance(g->weight_s, g->mean_s);
    const double total_h = between_h + average(g->weight_h, g->within_h);
    const double total_s = between_s + average(g->weight_s, g->within_s);
    if (!g->varies(between_h) || !g->varies(total_s)) return std::nullopt;
    return (between_s / total_s) / (between_h / total_h);
}

std::optional<double> group_slope(const Groupings& g) {
    if (!g || !g->varies(variance(g->weight_h, g->mean_h))) return std::nullopt;
    const double mean = average(g->weight_h, g->mean_h), mean_s = average(g->weight_h, g->mean_s);
    double covariance = 0.0, spread = 0.0;
    for (size_t i = 0; i < g->mean_h.size(); ++i) {
        const double centred = g->mean_h[i] - mean;
        covariance += g->weight_h[i] * centred * (g->mean_s[i] - mean_s);
        spread += g->weight_h[i] * centred * centred;
    }
    return covariance / spread;
}

}  // namespace

std::optional<double> entropy(const Table& table) {
    const auto p = shares_of(table.columns[0]);
    return p ? std::optional(entropy_of(*p)) : std::nullopt;
}

std::optional<double> within_variance_ratio(const Table& table) { return within_variance_ratio(grouped(table)); }

std::optional<double> eta2_ratio(const Table& table) { return eta2_ratio(grouped(table)); }

std::optional<double> group_slope(const Table& table) { return group_slope(grouped(table)); }

std::optional<double> within_variance_ratio_of_moments(const Table& table) {
    return within_variance_ratio(from_moments(table));
}

std::optional<double> eta2_ratio_of_moments(const Table& table) { return eta2_ratio(from_moments(table)); }

std::optional<double> group_slope_of_moments(const Table& table) { return group_slope(from_moments(table)); }

}  // namespace simframe
