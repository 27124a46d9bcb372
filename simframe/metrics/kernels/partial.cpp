// Association of belief and action among respondents alike in a control: what is left of it within strata.
#include <algorithm>
#include <cmath>
#include <limits>

#include "crosstab.hpp"

namespace simframe {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Strata {
    Crosstab<1> whole;
    std::vector<Crosstab<1>> parts;
    std::vector<double> shares;  // of each part in the whole
};

// Columns n, belief, action, control. Rows without any of the three are set aside.
std::optional<Strata> strata(const Table& table) {
    const auto& n = table.columns[0];
    if (!total_of(n)) return std::nullopt;
    const Groups control(table.columns[3]);
    Table counted{{n, table.columns[1], table.columns[2]}, {}};
    std::vector<Table> split(control.count(), Table{{{}, {}, {}}, {}});
    for (size_t row = 0; row < n.size(); ++row) {
        if (control[row] == Groups::none) {
            counted.columns[1][row] = kNone;
            continue;
        }
        for (size_t k = 0; k < 3; ++k) split[control[row]].columns[k].push_back(table.columns[k][row]);
    }
    auto whole = crosstab(counted);
    if (!whole) return std::nullopt;
    Strata result{std::move(*whole), {}, {}};
    for (const Table& each : split) {
        if (auto part = crosstab(each)) {
            result.shares.push_back(part->total[0] / result.whole.total[0]);
            result.parts.push_back(std::move(*part));
        }
    }
    return result;
}

double mean_of(const Column<1>& shares, const Column<1>& values) {
    double mean = 0.0;
    for (size_t k = 0; k < shares.size(); ++k) mean += shares[k][0] * values[k][0];
    return mean;
}

}  // namespace

std::optional<double> cramers_v_partial(const Table& table) {
    const auto s = strata(table);
    if (!s) return std::nullopt;
    double phi2 = 0.0, most = 0.0;
    for (size_t c = 0; c < s->parts.size(); ++c) {
        const Crosstab<1>& part = s->parts[c];
        const double freedom = std::min(chosen(part.by_belief)[0], chosen(part.by_action)[0]) - 1;
        if (freedom < 1) continue;
        phi2 += s->shares[c] * phi_squared(part)[0];
        most += s->shares[c] * freedom;
    }
    if (!(most > 0)) return std::nullopt;
    return std::sqrt(std::min(phi2 / most, 1.0));
}

std::optional<double> mutual_information_partial(const Table& table) {
    const auto s = strata(table);
    if (!s) return std::nullopt;
    double bits = 0.0;
    for (size_t c = 0; c < s->parts.size(); ++c) bits += s->shares[c] * information(s->parts[c])[0];
    return bits;
}

std::optional<double> goodman_kruskal_tau_partial(const Table& table) {
    const auto s = strata(table);
    if (!s) return std::nullopt;
    double explained = 0.0, total = 0.0;
    for (size_t c = 0; c < s->parts.size(); ++c) {
        const Crosstab<1>& part = s->parts[c];
        if (chosen(part.by_action)[0] < 2) continue;
        const Guess<1> guess = guess_of(part);
        const double at_large = guess.at_large[0];
        explained += s->shares[c] * (guess.given_belief[0] - at_large);
        total += s->shares[c] * (1 - at_large);
    }
    if (!(total > 0)) return std::nullopt;
    return std::clamp(explained / total, 0.0, 1.0);
}

std::optional<double> spearman_partial(const Table& table) {
    const auto s = strata(table);
    if (!s) return std::nullopt;
    Column<1> x, y;
    centre_ranks(s->whole.by_belief, x);
    centre_ranks(s->whole.by_action, y);
    double xy = 0.0, xx = 0.0, yy = 0.0;
    for (size_t c = 0; c < s->parts.size(); ++c) {
        const Crosstab<1>& part = s->parts[c];
        // Who all say the same differ by nothing, whatever the rounding of their mean.
        const bool beliefs = chosen(part.by_belief)[0] > 1, actions = chosen(part.by_action)[0] > 1;
        const double at_x = mean_of(part.by_belief, x), at_y = mean_of(part.by_action, y), share = s->shares[c];
        for (size_t b = 0; beliefs && b < part.by_belief.size(); ++b) {
            xx += share * part.by_belief[b][0] * std::pow(x[b][0] - at_x, 2);
        }
        for (size_t a = 0; actions && a < part.by_action.size(); ++a) {
            yy += share * part.by_action[a][0] * std::pow(y[a][0] - at_y, 2);
        }
        if (!beliefs || !actions) continue;
        for (size_t i = 0; i < part.p.size(); ++i) {
            const Cell& cell = part.cells.listed[i];
            xy += share * part.p[i][0] * (x[cell.belief][0] - at_x) * (y[cell.action][0] - at_y);
        }
    }
    if (!(xx > 0 && yy > 0)) return std::nullopt;
    return std::clamp(xy / std::sqrt(xx) / std::sqrt(yy), -1.0, 1.0);
}

}  // namespace simframe
