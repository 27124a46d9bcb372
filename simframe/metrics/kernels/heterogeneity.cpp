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
};

std::optional<Grouped> grouped(const Table& table) {
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
    for (size_t g = 0; g < groups.count(); ++g) {
        if (!(sides[0].total[g] > 0 && sides[1].total[g] > 0)) continue;
        result.weight_h.push_back(sides[0].total[g]);
        result.weight_s.push_back(sides[1].total[g]);
        result.mean_h.push_back(sides[0].mean[g]);
        result.mean_s.push_back(sides[1].mean[g]);
        result.within_h.push_back(sides[0].within[g] / sides[0].total[g]);
        result.within_s.push_back(sides[1].within[g] / sides[1].total[g]);
    }
    if (result.weight_h.empty()) return std::nullopt;
    return result;
}

}  // namespace

std::optional<double> entropy(const Table& table) {
    const auto p = shares_of(table.columns[0]);
    return p ? std::optional(entropy_of(*p)) : std::nullopt;
}

std::optional<double> within_variance_ratio(const Table& table) {
    const auto g = grouped(table);
    if (!g) return std::nullopt;
    const double reference = average(g->weight_h, g->within_h);
    if (!beyond_rounding(reference, table.columns[2])) return std::nullopt;
    return average(g->weight_h, g->within_s) / reference;
}

std::optional<double> eta2_ratio(const Table& table) {
    const auto g = grouped(table);
    if (!g) return std::nullopt;
    const double between_h = variance(g->weight_h, g->mean_h), between_s = variance(g->weight_s, g->mean_s);
    const double total_h = between_h + average(g->weight_h, g->within_h);
    const double total_s = between_s + average(g->weight_s, g->within_s);
    const auto& value = table.columns[2];
    if (!beyond_rounding(between_h, value) || !beyond_rounding(total_s, value)) return std::nullopt;
    return (between_s / total_s) / (between_h / total_h);
}

std::optional<double> group_slope(const Table& table) {
    const auto g = grouped(table);
    if (!g || !beyond_rounding(variance(g->weight_h, g->mean_h), table.columns[2])) return std::nullopt;
    const double mean = average(g->weight_h, g->mean_h), mean_s = average(g->weight_h, g->mean_s);
    double covariance = 0.0, spread = 0.0;
    for (size_t i = 0; i < g->mean_h.size(); ++i) {
        const double centred = g->mean_h[i] - mean;
        covariance += g->weight_h[i] * centred * (g->mean_s[i] - mean_s);
        spread += g->weight_h[i] * centred * centred;
    }
    return covariance / spread;
}

}  // namespace simframe
