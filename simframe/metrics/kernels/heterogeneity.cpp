#include <algorithm>
#include <cmath>

#include "groups.hpp"
#include "measures.hpp"
#include "table.hpp"

namespace simframe {

namespace {

template <size_t lanes, typename Value>
Lanes<lanes> average(const Column<lanes>& weight, Value value) {
    Lanes<lanes> sum{}, total{};
    for (size_t g = 0; g < weight.size(); ++g) {
        for (size_t lane = 0; lane < lanes; ++lane) {
            sum[lane] += weight[g][lane] * value(g, lane);
            total[lane] += weight[g][lane];
        }
    }
    return by_lane<lanes>([&](size_t lane) { return sum[lane] / total[lane]; });
}

template <size_t lanes>
Lanes<lanes> average(const Column<lanes>& weight, const Column<lanes>& value) {
    return average<lanes>(weight, [&](size_t g, size_t lane) { return value[g][lane]; });
}

// Population variance (ddof 0), taken about the mean.
template <size_t lanes>
Lanes<lanes> variance(const Column<lanes>& weight, const Column<lanes>& value) {
    const auto mean = average<lanes>(weight, value);
    return average<lanes>(weight, [&](size_t g, size_t lane) {
        return (value[g][lane] - mean[lane]) * (value[g][lane] - mean[lane]);
    });
}

std::optional<Moments<1>> moments_of(const Table& table) {
    const auto& value = table.columns[2];
    if (!total_of(table.columns[0]) || !total_of(table.columns[1]) || !all_finite(value)) return std::nullopt;
    const Groups groups(table.columns[3]);
    Moments<1> result;
    const auto of_side = [&](const std::vector<double>& counts, Column<1>& total, Column<1>& mean, Column<1>& within) {
        std::vector<double> product(counts);
        for (size_t row = 0; row < counts.size(); ++row) product[row] *= value[row];
        groups.sum(alone(counts), total);
        groups.sum(alone(product), mean);
        for (size_t g = 0; g < groups.count(); ++g) mean[g][0] /= total[g][0];
        for (size_t row = 0; row < counts.size(); ++row) {
            product[row] = counts[row] == 0 || groups[row] == Groups::none
                               ? 0.0
                               : counts[row] * std::pow(value[row] - mean[groups[row]][0], 2);
        }
        groups.sum(alone(product), within);
        for (size_t g = 0; g < groups.count(); ++g) within[g][0] /= total[g][0];
    };
    of_side(table.columns[0], result.weight_h, result.mean_h, result.within_h);
    of_side(table.columns[1], result.weight_s, result.mean_s, result.within_s);
    for (const double each : value) result.largest = std::max(result.largest, std::abs(each));
    result.share();
    return result;
}

std::optional<double> of_one(const Table& table, Lanes<1> (*metric)(const Moments<1>&)) {
    const auto moments = moments_of(table);
    return moments ? std::optional(metric(*moments)[0]) : std::nullopt;
}

}  // namespace

template <size_t lanes>
void Moments<lanes>::share() {
    for (size_t g = 0; g < weight_h.size(); ++g) {
        for (size_t lane = 0; lane < lanes; ++lane) {
            const bool shared = weight_h[g][lane] > 0 && weight_s[g][lane] > 0;
            for (Column<lanes>* each : {&weight_h, &weight_s, &mean_h, &mean_s, &within_h, &within_s}) {
                (*each)[g][lane] = shared ? (*each)[g][lane] : 0.0;
            }
        }
    }
}

// Where no group is shared, averages are NaN and vary by nothing.
template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> within_variance_ratio_of(const Moments<lanes>& m) {
    const double least = rounding_of(m.largest);
    const auto of_h = average<lanes>(m.weight_h, m.within_h), of_s = average<lanes>(m.weight_h, m.within_s);
    return by_lane<lanes>([&](size_t lane) { return of_h[lane] > least ? of_s[lane] / of_h[lane] : kUndefined; });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> eta2_ratio_of(const Moments<lanes>& m) {
    const double least = rounding_of(m.largest);
    const auto between_h = variance<lanes>(m.weight_h, m.mean_h), between_s = variance<lanes>(m.weight_s, m.mean_s);
    const auto within_h = average<lanes>(m.weight_h, m.within_h), within_s = average<lanes>(m.weight_s, m.within_s);
    return by_lane<lanes>([&](size_t lane) {
        const double total_h = between_h[lane] + within_h[lane], total_s = between_s[lane] + within_s[lane];
        const double ratio = (between_s[lane] / total_s) / (between_h[lane] / total_h);
        return between_h[lane] > least && total_s > least ? ratio : kUndefined;
    });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> group_slope_of(const Moments<lanes>& m) {
    const double least = rounding_of(m.largest);
    const auto varied = variance<lanes>(m.weight_h, m.mean_h);
    const auto mean = average<lanes>(m.weight_h, m.mean_h), mean_s = average<lanes>(m.weight_h, m.mean_s);
    const auto covariance = over_rows_of<lanes>(m.mean_h.size(), [&](size_t g, size_t lane) {
        return m.weight_h[g][lane] * (m.mean_h[g][lane] - mean[lane]) * (m.mean_s[g][lane] - mean_s[lane]);
    });
    const auto spread = over_rows_of<lanes>(m.mean_h.size(), [&](size_t g, size_t lane) {
        return m.weight_h[g][lane] * (m.mean_h[g][lane] - mean[lane]) * (m.mean_h[g][lane] - mean[lane]);
    });
    return by_lane<lanes>(
        [&](size_t lane) { return varied[lane] > least ? covariance[lane] / spread[lane] : kUndefined; });
}

std::optional<double> entropy(const Table& table) {
    auto shares = alone(table.columns[0]);
    const double total = totals_of(shares)[0];
    for (Lanes<1>& share : shares) share[0] /= total;
    return total > 0 ? std::optional(entropy_of(shares)[0]) : std::nullopt;
}

std::optional<double> within_variance_ratio(const Table& table) { return of_one(table, within_variance_ratio_of<1>); }

std::optional<double> eta2_ratio(const Table& table) { return of_one(table, eta2_ratio_of<1>); }

std::optional<double> group_slope(const Table& table) { return of_one(table, group_slope_of<1>); }

template struct Moments<kLanes>;
template Lanes<kLanes> within_variance_ratio_of<kLanes>(const Moments<kLanes>&);
template Lanes<kLanes> eta2_ratio_of<kLanes>(const Moments<kLanes>&);
template Lanes<kLanes> group_slope_of<kLanes>(const Moments<kLanes>&);

}  // namespace simframe
