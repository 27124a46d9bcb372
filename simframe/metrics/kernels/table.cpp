#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace simframe {

std::optional<double> total_of(const std::vector<double>& counts) {
    const double total = totals_of(alone(counts))[0];
    return std::isnan(total) ? std::nullopt : std::optional(total);
}

bool all_finite(const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

Groups::Groups(const std::vector<double>& ranks) {
    of_row_.reserve(ranks.size());
    for (const double rank : ranks) {
        const size_t group = std::isnan(rank) ? none : static_cast<size_t>(rank) - 1;
        of_row_.push_back(group);
        if (group != none) count_ = std::max(count_, group + 1);
    }
}

std::vector<double> Groups::sums(const std::vector<double>& quantity) const {
    Column<1> found;
    sum(alone(quantity), found);
    std::vector<double> sums;
    for (const Lanes<1>& each : found) sums.push_back(each[0]);
    return sums;
}

std::optional<Comparison<1>> comparison_of(const Table& table) {
    const auto total_h = total_of(table.columns[0]), total_s = total_of(table.columns[1]);
    if (!total_h || !total_s) return std::nullopt;
    Comparison<1> result{{}, {}, {}, *total_h, *total_s};
    if (!table.numbers.empty()) {
        if (!std::isnan(table.numbers[0])) result.n_h = table.numbers[0];
        if (!std::isnan(table.numbers[1])) result.n_s = table.numbers[1];
        result.pseudocount = table.numbers[2];
    }
    std::vector<size_t> order(table.columns[0].size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (table.columns.size() > 2) {
        const auto& value = table.columns[2];
        if (!all_finite(value)) return std::nullopt;
        std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return value[a] < value[b]; });
        for (const size_t row : order) result.value.push_back(value[row]);
    }
    for (const size_t row : order) {
        result.p.push_back({table.columns[0][row] / *total_h});
        result.q.push_back({table.columns[1][row] / *total_s});
    }
    return result;
}

}  // namespace simframe
