// The kernels as Polars sees them: read the rows, judge whether the result is defined, compute.
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "distance.hpp"
#include "plugin.hpp"
#include "special.hpp"
#include "table.hpp"

namespace simframe {

namespace {

void expect_arguments(const Inputs& inputs, size_t wanted) {
    if (inputs.count() != wanted) {
        throw std::invalid_argument("the kernel takes " + std::to_string(wanted) + " arguments, got " +
                                    std::to_string(inputs.count()));
    }
}

// Numbers beside columns that were gathered into lists stand once a list: not once a row of what was gathered.
void expect_aggregated(const Inputs& inputs, size_t lists) {
    size_t rows = 0;
    for (size_t i = 0; i < lists; ++i) rows = std::max(rows, length(inputs[i]));
    for (size_t i = lists; i < inputs.count(); ++i) {
        const size_t own = length(inputs[i]);
        if (rows == 1 && own > 1) {
            throw std::invalid_argument("column '" + name(inputs[i]) + "' has " + std::to_string(own) +
                                        " rows where one number is needed; aggregate it, as by first()");
        }
    }
}

// One side of a comparison: a list of values and, unless absent, a list of weights beside it.
class Side {
  public:
    Side(const SeriesExport& values, const SeriesExport& weights)
        : value_name_(name(values)), weight_name_(name(weights)), values_(values) {
        if (!absent(weights)) weights_.emplace(weights);
    }

    // Fills the points with a row's sample, nulls dropped; false where that sample is unusable.
    bool read(size_t row, Points& points) {
        points.clear();
        if (!values_.read(row, sample_)) return false;
        if (weights_.has_value()) {
            if (!weights_->read(row, weight_)) return false;
            if (weight_.values.size() != sample_.values.size()) {
                throw std::invalid_argument("row " + std::to_string(row) + ": column '" + value_name_ + "' has " +
                                            std::to_string(sample_.values.size()) + " values but its weights '" +
                                            weight_name_ + "' number " + std::to_string(weight_.values.size()));
            }
        }
        double total = 0.0;
        for (size_t i = 0; i < sample_.values.size(); ++i) {
            if (!sample_.present[i]) continue;
            if (!std::isfinite(sample_.values[i])) return false;
            double weight = 1.0;
            if (weights_.has_value()) {
                weight = weight_.values[i];
                if (!weight_.present[i] || !std::isfinite(weight) || weight < 0) return false;
            }
            total += weight;
            points.emplace_back(sample_.values[i], weight);
        }
        return total > 0 && std::isfinite(total);
    }

  private:
    std::string value_name_, weight_name_;
    ListColumn values_;
    std::optional<ListColumn> weights_;
    Sample sample_, weight_;
};

template <double (*Distance)(Points&, Points&)>
Result between_samples(const Inputs& inputs) {
    expect_arguments(inputs, 4);
    Side x(inputs[0], inputs[2]), y(inputs[1], inputs[3]);
    const size_t rows = inputs.rows();
    Result result(rows);
    Points points_x, points_y;
    for (size_t row = 0; row < rows; ++row) {
        // Both sides are read whatever the first says, so that a malformed row is an error always.
        const bool usable_x = x.read(row, points_x), usable_y = y.read(row, points_y);
        if (usable_x && usable_y) result.set(row, Distance(points_x, points_y));
    }
    return result;
}

Result chi2_tail(const Inputs& inputs) {
    expect_arguments(inputs, 2);
    NumberColumn statistic(inputs[0]), df(inputs[1]);
    const size_t rows = inputs.rows();
    Result result(rows);
    for (size_t row = 0; row < rows; ++row) {
        const auto x = statistic.at(row), k = df.at(row);
        const bool defined = x.has_value() && k.has_value() && *x >= 0 && *k >= 0 && std::isfinite(*k);
        if (defined) result.set(row, chi2_sf(*x, *k));
    }
    return result;
}

// Reads a table from as many leading list columns as there are, and the numbers after them.
template <Metric metric>
Result of_table(const Inputs& inputs) {
    std::vector<ListColumn> lists;
    std::vector<std::optional<NumberColumn>> numbers;
    for (size_t i = 0; i < inputs.count(); ++i) {
        if (inputs[i].field->format[0] == '+') {
            lists.emplace_back(inputs[i]);
        } else {
            numbers.emplace_back();
            if (!absent(inputs[i])) numbers.back().emplace(inputs[i]);
        }
    }
    expect_aggregated(inputs, lists.size());
    const size_t rows = inputs.rows();
    Result result(rows);
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    Table table{std::vector<std::vector<double>>(lists.size()), std::vector<double>(numbers.size())};
    Sample sample;
    for (size_t row = 0; row < rows; ++row) {
        for (size_t i = 0; i < lists.size(); ++i) {
            auto& column = table.columns[i];
            column.clear();
            if (!lists[i].read(row, sample)) sample.values.clear();
            for (size_t k = 0; k < sample.values.size(); ++k) {
                column.push_back(sample.present[k] ? sample.values[k] : missing);
            }
            if (column.size() != table.columns[0].size()) {
                throw std::invalid_argument("column '" + name(inputs[i]) + "' has " + std::to_string(column.size()) +
                                            " rows where '" + name(inputs[0]) + "' has " +
                                            std::to_string(table.columns[0].size()));
            }
        }
        for (size_t i = 0; i < numbers.size(); ++i) {
            table.numbers[i] = numbers[i] ? numbers[i]->at(row).value_or(missing) : missing;
        }
        result.set(row, metric(table));
    }
    return result;
}

// Checks of types, 1 on every row. The host asks for the type of a result before it computes anything: what is wrong is
// said before the host itself stumbles over it.
Result ones(const Inputs& inputs) {
    Result result(inputs.rows());
    for (size_t row = 0; row < result.rows(); ++row) result.set(row, 1.0);
    return result;
}

Result of_key(const ArrowSchema* fields, size_t) {
    expect_key(fields[0]);
    return Result();
}

Result of_alike(const ArrowSchema* fields, size_t) {
    expect_alike(fields[0], fields[1]);
    return Result();
}

bool whole(double number) { return std::isfinite(number) && number == std::floor(number); }

Result rarefied_structures(const Inputs& inputs) {
    expect_arguments(inputs, 2);
    ListColumn counts(inputs[0]);
    NumberColumn sizes(inputs[1]);
    expect_aggregated(inputs, 1);
    const size_t rows = inputs.rows();
    Result result(rows);
    Sample sample;
    for (size_t row = 0; row < rows; ++row) {
        const auto m = sizes.at(row);
        bool defined = counts.read(row, sample) && m.has_value() && *m >= 0;
        double total = 0.0;
        for (size_t i = 0; defined && i < sample.values.size(); ++i) {
            const double count = sample.values[i];
            defined = sample.present[i] && std::isfinite(count) && count >= 0;
            if (defined && !whole(count)) {
                throw std::invalid_argument("column '" + name(inputs[0]) + "' holds " + std::to_string(count) +
                                            " where whole numbers are needed; give respondents, not weights");
            }
            total += count;
        }
        if (defined && !whole(*m)) {
            throw std::invalid_argument("column '" + name(inputs[1]) + "' holds " + std::to_string(*m) +
                                        " where a whole number of respondents is needed");
        }
        defined = defined && total > 0 && *m <= total;
        if (defined) result.set(row, rarefied(sample.values, *m));
    }
    return result;
}

}  // namespace

}  // namespace simframe

// Kernels on raw samples and on numbers.
SIMFRAME_KERNEL(sample_wasserstein, simframe::between_samples<simframe::wasserstein>)
SIMFRAME_KERNEL(sample_ks, simframe::between_samples<simframe::ks>)
SIMFRAME_KERNEL(sample_energy_distance, simframe::between_samples<simframe::energy_distance>)
SIMFRAME_KERNEL(chi2_sf, simframe::chi2_tail)
SIMFRAME_KERNEL(rarefied_structures, simframe::rarefied_structures)

SIMFRAME_STRUCT_KERNEL(key, simframe::ones, simframe::of_key)
SIMFRAME_STRUCT_KERNEL(alike, simframe::ones, simframe::of_alike)

// Kernels on tables of counts.
#define SIMFRAME_METRIC(symbol, metric) SIMFRAME_KERNEL(symbol, simframe::of_table<simframe::metric>)
#define SIMFRAME_MEASURE(measure) SIMFRAME_METRIC(measure, of_counts<simframe::measure<1>>)
SIMFRAME_MEASURE(total_variation)
SIMFRAME_MEASURE(kl_divergence)
SIMFRAME_MEASURE(kl_smoothed)
SIMFRAME_MEASURE(js_divergence)
SIMFRAME_MEASURE(js_distance)
SIMFRAME_MEASURE(hellinger)
SIMFRAME_MEASURE(wasserstein)
SIMFRAME_MEASURE(wasserstein_norm)
SIMFRAME_MEASURE(ks)
SIMFRAME_MEASURE(energy)
SIMFRAME_MEASURE(mean_shift)
SIMFRAME_MEASURE(entropy_ratio)
SIMFRAME_MEASURE(modal_share_gap)
SIMFRAME_MEASURE(variance_ratio)
SIMFRAME_MEASURE(sd_ratio)
SIMFRAME_METRIC(chi2_statistic, chi2_statistic)
SIMFRAME_METRIC(chi2_df, chi2_df)
SIMFRAME_METRIC(entropy, entropy)
SIMFRAME_METRIC(eta2_ratio, eta2_ratio)
SIMFRAME_METRIC(within_variance_ratio, within_variance_ratio)
SIMFRAME_METRIC(group_slope, group_slope)
SIMFRAME_METRIC(cramers_v, cramers_v)
SIMFRAME_METRIC(mutual_information, mutual_information)
SIMFRAME_METRIC(goodman_kruskal_tau, goodman_kruskal_tau)
SIMFRAME_METRIC(spearman, spearman)
SIMFRAME_METRIC(polychoric, polychoric)
SIMFRAME_METRIC(cramers_v_partial, cramers_v_partial)
SIMFRAME_METRIC(mutual_information_partial, mutual_information_partial)
SIMFRAME_METRIC(goodman_kruskal_tau_partial, goodman_kruskal_tau_partial)
SIMFRAME_METRIC(spearman_partial, spearman_partial)
SIMFRAME_METRIC(conditional_js, conditional_js)
SIMFRAME_METRIC(conditional_js_coverage, conditional_js_coverage)
SIMFRAME_METRIC(demeaned_r, demeaned_r)
