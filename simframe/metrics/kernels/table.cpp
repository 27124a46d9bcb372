#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace simframe {

std::optional<double> total_of(const std::vector<double>& counts) {
    double total = 0.0;
    for (const double count : counts) {
        if (!(count >= 0)) return std::nullopt;  // NaN too
        total += count;
    }
    if (!(total > 0) || std::isinf(total)) return std::nullopt;
    return total;
}

std::optional<Shares> shares_of(const std::vector<double>& counts) {
    const auto total = total_of(counts);
    if (!total) return std::nullopt;
    Shares shares(counts);
    for (double& share : shares) share /= *total;
    return shares;
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
    std::vector<double> sums(count_, 0.0);
    for (size_t row = 0; row < quantity.size(); ++row) {
        if (of_row_[row] != none) sums[of_row_[row]] += quantity[row];
    }
    return sums;
}

std::optional<Comparison> comparison_of(const Table& table) {
    auto p = shares_of(table.columns[0]), q = shares_of(table.columns[1]);
    if (!p || !q) return std::nullopt;
    Comparison result{std::move(*p), std::move(*q), {}, *total_of(table.columns[0]), *total_of(table.columns[1])};
    if (!table.numbers.empty()) {
        if (!std::isnan(table.numbers[0])) result.n_h = table.numbers[0];
        if (!std::isnan(table.numbers[1])) result.n_s = table.numbers[1];
        result.pseudocount = table.numbers[2];
    }
    if (table.columns.size() == 2) return result;
    const auto& value = table.columns[2];
    if (!all_finite(value)) return std::nullopt;
    std::vector<size_t> order(value.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return value[a] < value[b]; });
    const Comparison unordered = result;
    for (size_t k = 0; k < order.size(); ++k) {
        result.p[k] = unordered.p[order[k]];
        result.q[k] = unordered.q[order[k]];
        result.value.push_back(value[order[k]]);
    }
    return result;
}

}  // namespace simframe
