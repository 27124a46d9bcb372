#include "homogeneity.hpp"

#include <cmath>

#include "table.hpp"

namespace simframe {

namespace {

// Linearised variance of a weighted share, sum of (w_i (x_ik - p_k))^2 over (sum w)^2.
double design_variance(double share, double squares, double all_squares, double total) {
    return (squares * (1 - 2 * share) + all_squares * share * share) / total / total;
}

Homogeneity<1> tested(const Table& table) {
    std::vector<Column<1>> columns;
    for (const auto& each : table.columns) columns.push_back(alone(each));
    const bool weighted = columns.size() == 4;
    return homogeneity<1>(columns[0], columns[1], weighted ? &columns[2] : nullptr, weighted ? &columns[3] : nullptr);
}

}  // namespace

// Shares, sample sizes and, where squared weights are known, design effects.
template <size_t lanes>
SIMFRAME_WIDE Homogeneity<lanes> homogeneity(const Column<lanes>& h, const Column<lanes>& s,
                                             const Column<lanes>* squares_h, const Column<lanes>* squares_s) {
    const bool weighted = squares_h != nullptr;
    const auto total_h = totals_of<lanes>(h), total_s = totals_of<lanes>(s);
    const auto all_squares_h = weighted ? totals_of<lanes>(*squares_h) : total_h;
    const auto all_squares_s = weighted ? totals_of<lanes>(*squares_s) : total_s;
    // Kish's effective sample sizes.
    const auto n_h = by_lane<lanes>([&](size_t lane) { return total_h[lane] * (total_h[lane] / all_squares_h[lane]); });
    const auto n_s = by_lane<lanes>([&](size_t lane) { return total_s[lane] * (total_s[lane] / all_squares_s[lane]); });
    const auto p = [&](size_t k, size_t lane) { return h[k][lane] / total_h[lane]; };
    const auto q = [&](size_t k, size_t lane) { return s[k][lane] / total_s[lane]; };
    const auto pooled = [&](size_t k, size_t lane) {
        return (n_h[lane] * p(k, lane) + n_s[lane] * q(k, lane)) / (n_h[lane] + n_s[lane]);
    };
    const auto over_options = [&](auto term) {
        return over_rows_of<lanes>(h.size(), [&](size_t k, size_t lane) {
            return one_if(pooled(k, lane) > 0) * (term(k, lane) / divisor(pooled(k, lane)));
        });
    };
    const auto options =
        over_rows_of<lanes>(h.size(), [&](size_t k, size_t lane) { return one_if(pooled(k, lane) > 0); });
    const auto statistic = over_options([&](size_t k, size_t lane) {
        const double apart = p(k, lane) - q(k, lane);
        return apart * apart;
    });
    Lanes<lanes> designed{}, simple{};
    if (weighted) {
        designed = over_options([&](size_t k, size_t lane) {
            return design_variance(p(k, lane), (*squares_h)[k][lane], all_squares_h[lane], total_h[lane]) +
                   design_variance(q(k, lane), (*squares_s)[k][lane], all_squares_s[lane], total_s[lane]);
        });
        simple = over_options([&](size_t k, size_t lane) {
            return p(k, lane) * (1 - p(k, lane)) / n_h[lane] + q(k, lane) * (1 - q(k, lane)) / n_s[lane];
        });
    }
    Homogeneity<lanes> found;
    for (size_t lane = 0; lane < lanes; ++lane) {
        const bool known = total_h[lane] > 0 && total_s[lane] > 0 && all_squares_h[lane] > 0 && all_squares_s[lane] > 0;
        const double plain = statistic[lane] * (n_h[lane] / (1 + n_h[lane] / n_s[lane]));
        const double corrected = plain * (weighted && designed[lane] > 0 ? simple[lane] / designed[lane] : 1.0);
        found.statistic[lane] = known ? corrected : kUndefined;
        found.df[lane] = known ? options[lane] - 1 : kUndefined;
    }
    return found;
}

std::optional<double> chi2_statistic(const Table& table) { return tested(table).statistic[0]; }

std::optional<double> chi2_df(const Table& table) { return tested(table).df[0]; }

template Homogeneity<kLanes> homogeneity<kLanes>(const Column<kLanes>&, const Column<kLanes>&, const Column<kLanes>*,
                                                 const Column<kLanes>*);

}  // namespace simframe
