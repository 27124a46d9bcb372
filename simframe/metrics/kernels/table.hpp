// A metric of counts, as a function of one table: the columns of its rows, and what the metrics share.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "measures.hpp"

namespace simframe {

// Columns of equal length, and single numbers beside them. What is missing is NaN.
struct Table {
    std::vector<std::vector<double>> columns;
    std::vector<double> numbers;
};

// Empty where the metric is undefined.
using Metric = std::optional<double> (*)(const Table&);

// Sums of the counts, NaN unless all are present and non-negative with a positive, finite sum.
template <size_t lanes>
Lanes<lanes> totals_of(const Column<lanes>& counts) {
    Lanes<lanes> total{};
    for (const Lanes<lanes>& count : counts) {
        for (size_t lane = 0; lane < lanes; ++lane) {
            const double sum = total[lane] + count[lane];
            total[lane] = count[lane] >= 0 ? sum : kUndefined;  // which it stays
        }
    }
    return by_lane<lanes>([&](size_t lane) {
        return total[lane] > 0 && total[lane] <= std::numeric_limits<double>::max() ? total[lane] : kUndefined;
    });
}

// The same of one table; empty instead of NaN.
std::optional<double> total_of(const std::vector<double>& counts);
bool all_finite(const std::vector<double>& values);

// Groups of rows by a dense rank: 1, 2, ... in the key's order; NaN for rows without a key.
class Groups {
  public:
    explicit Groups(const std::vector<double>& ranks);
    static constexpr size_t none = static_cast<size_t>(-1);

    size_t count() const { return count_; }
    // The row's group, or none.
    size_t operator[](size_t row) const { return of_row_[row]; }
    // Sum of a quantity within each group.
    std::vector<double> sums(const std::vector<double>& quantity) const;
    template <size_t lanes>
    void sum(const Column<lanes>& quantity, Column<lanes>& sums) const {
        sums.assign(count_, Lanes<lanes>{});
        for (size_t row = 0; row < quantity.size(); ++row) {
            if (of_row_[row] == none) continue;
            Lanes<lanes>& to = sums[of_row_[row]];
            for (size_t lane = 0; lane < lanes; ++lane) to[lane] += quantity[row][lane];
        }
    }

  private:
    std::vector<size_t> of_row_;
    size_t count_ = 0;
};

// Columns h, s [, value] as shares, in ascending order of value; numbers n_h, n_s (NaN: the counts' own sum) and the
// pseudocount, if any. Empty where a side is unusable or a value is not finite.
std::optional<Comparison<1>> comparison_of(const Table&);

template <Measure<1> measure>
std::optional<double> of_counts(const Table& table) {
    const auto comparison = comparison_of(table);
    return comparison ? std::optional(measure(*comparison)[0]) : std::nullopt;
}

// homogeneity.cpp. Columns h, s [, h_w2, s_w2].
std::optional<double> chi2_statistic(const Table&);
std::optional<double> chi2_df(const Table&);

// heterogeneity.cpp. Columns h, s, value, group; counts alone for the entropy.
std::optional<double> entropy(const Table&);
std::optional<double> eta2_ratio(const Table&);
std::optional<double> within_variance_ratio(const Table&);
std::optional<double> group_slope(const Table&);
// coherence.cpp, polychoric.cpp, conditional.cpp. Columns n, belief, action; or h, s, belief.
std::optional<double> cramers_v(const Table&);
std::optional<double> mutual_information(const Table&);
std::optional<double> goodman_kruskal_tau(const Table&);
std::optional<double> spearman(const Table&);
std::optional<double> polychoric(const Table&);
std::optional<double> conditional_js(const Table&);
std::optional<double> conditional_js_coverage(const Table&);
// partial.cpp. Columns n, belief, action, control.
std::optional<double> cramers_v_partial(const Table&);
std::optional<double> mutual_information_partial(const Table&);
std::optional<double> goodman_kruskal_tau_partial(const Table&);
std::optional<double> spearman_partial(const Table&);

// fidelity.cpp. Columns y, yhat, group, one row a pair.
std::optional<double> demeaned_r(const Table&);

}  // namespace simframe
