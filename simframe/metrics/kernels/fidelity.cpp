#include <algorithm>
#include <cmath>

#include "table.hpp"

namespace simframe {

std::optional<double> demeaned_r(const Table& table) {
    std::vector<double> sides[2], ranks;
    for (size_t row = 0; row < table.columns[0].size(); ++row) {
        if (std::isnan(table.columns[2][row])) continue;
        for (size_t i = 0; i < 2; ++i) sides[i].push_back(table.columns[i][row]);
        ranks.push_back(table.columns[2][row]);
    }
    if (ranks.empty()) return std::nullopt;
    const Groups groups(ranks);
    const auto sizes = groups.sums(std::vector<double>(ranks.size(), 1.0));
    for (auto& side : sides) {
        if (!all_finite(side)) return std::nullopt;
        const auto sums = groups.sums(side);
        const std::vector<double> raw(side);
        double squares = 0.0;
        for (size_t row = 0; row < side.size(); ++row) {
            side[row] -= sums[groups[row]] / sizes[groups[row]];
            squares += side[row] * side[row];
        }
        if (!beyond_rounding(squares / static_cast<double>(side.size()), raw)) return std::nullopt;
    }
    double xy = 0.0, xx = 0.0, yy = 0.0;
    for (size_t row = 0; row < ranks.size(); ++row) {
        xy += sides[0][row] * sides[1][row];
        xx += sides[0][row] * sides[0][row];
        yy += sides[1][row] * sides[1][row];
    }
    return std::clamp(xy / std::sqrt(xx) / std::sqrt(yy), -1.0, 1.0);
}

}  // namespace simframe
