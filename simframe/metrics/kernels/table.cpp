#include "table.hpp"

#include <algorithm>
#include <cmath>

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

bool beyond_rounding(double variance, const std::vector<double>& values) {
    double largest = 0.0;
    for (const double value : values) largest = std::max(largest, std::abs(value));
    return variance > std::pow(1e-12 * largest, 2);
}

}  // namespace simframe
