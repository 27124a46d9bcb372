// A metric of counts, as a function of one table: the columns of its rows, and what the metrics share.
#pragma once

#include <optional>
#include <vector>

namespace simframe {

// Columns of equal length, and single numbers beside them. What is missing is NaN.
struct Table {
    std::vector<std::vector<double>> columns;
    std::vector<double> numbers;
};

// Empty where the metric is undefined.
using Metric = std::optional<double> (*)(const Table&);

using Shares = std::vector<double>;

// Sum of the counts, empty unless all are present, finite and non-negative with a positive, finite sum.
std::optional<double> total_of(const std::vector<double>& counts);
std::optional<Shares> shares_of(const std::vector<double>& counts);
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

  private:
    std::vector<size_t> of_row_;
    size_t count_ = 0;
};

// A variance that is only the rounding of means that should be equal does not count as variation.
bool beyond_rounding(double variance, const std::vector<double>& values);

// divergence.cpp. Columns h, s [, value].
std::optional<double> total_variation(const Table&);
std::optional<double> kl_divergence(const Table&);
std::optional<double> kl_smoothed(const Table&);  // numbers: n_h, n_s (NaN: the counts' own sum), pseudocount
std::optional<double> js_divergence(const Table&);
std::optional<double> js_distance(const Table&);
std::optional<double> hellinger(const Table&);
std::optional<double> chi2_statistic(const Table&);  // columns h, s [, h_w2, s_w2]
std::optional<double> chi2_df(const Table&);
double js_of(const Shares& p, const Shares& q);

// ordinal.cpp. Columns h, s, value; ks does without the value too.
std::optional<double> wasserstein_of_counts(const Table&);
std::optional<double> wasserstein_norm(const Table&);
std::optional<double> ks(const Table&);
std::optional<double> energy(const Table&);
std::optional<double> mean_shift(const Table&);

// heterogeneity.cpp. Columns h, s, value, [group]; counts alone for the entropies.
std::optional<double> entropy(const Table&);
std::optional<double> entropy_ratio(const Table&);
std::optional<double> modal_share_gap(const Table&);
std::optional<double> variance_ratio(const Table&);
std::optional<double> sd_ratio(const Table&);
std::optional<double> eta2_ratio(const Table&);
std::optional<double> within_variance_ratio(const Table&);
std::optional<double> group_slope(const Table&);

// coherence.cpp. Columns n, belief, action; or h, s, belief.
std::optional<double> cramers_v(const Table&);
std::optional<double> mutual_information(const Table&);
std::optional<double> goodman_kruskal_tau(const Table&);
std::optional<double> spearman(const Table&);
std::optional<double> conditional_js(const Table&);
std::optional<double> conditional_js_coverage(const Table&);

// fidelity.cpp. Columns y, yhat, group, one row a pair.
std::optional<double> demeaned_r(const Table&);

}  // namespace simframe
