// The kernels as Polars sees them: read the rows, judge whether the result is defined, compute.
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>

#include "distance.hpp"
#include "plugin.hpp"
#include "special.hpp"

namespace simframe {

namespace {

void expect_arguments(const Inputs& inputs, size_t wanted) {
    if (inputs.count() != wanted) {
        throw std::invalid_argument("the kernel takes " + std::to_string(wanted) + " arguments, got " +
                                    std::to_string(inputs.count()));
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
Float64Result between_samples(const Inputs& inputs) {
    expect_arguments(inputs, 4);
    Side x(inputs[0], inputs[2]), y(inputs[1], inputs[3]);
    const size_t rows = inputs.rows();
    Float64Result result(rows);
    Points points_x, points_y;
    for (size_t row = 0; row < rows; ++row) {
        // Both sides are read whatever the first says, so that a malformed row is an error always.
        const bool usable_x = x.read(row, points_x), usable_y = y.read(row, points_y);
        if (usable_x && usable_y) {
            result.push(Distance(points_x, points_y));
        } else {
            result.push(std::nullopt);
        }
    }
    return result;
}

Float64Result chi2_tail(const Inputs& inputs) {
    expect_arguments(inputs, 2);
    NumberColumn statistic(inputs[0]), df(inputs[1]);
    const size_t rows = inputs.rows();
    Float64Result result(rows);
    for (size_t row = 0; row < rows; ++row) {
        const auto x = statistic.at(row), k = df.at(row);
        const bool defined = x.has_value() && k.has_value() && *x >= 0 && *k >= 0 && std::isfinite(*k);
        result.push(defined ? std::optional(chi2_sf(*x, *k)) : std::nullopt);
    }
    return result;
}

bool whole(double number) { return std::isfinite(number) && number == std::floor(number); }

Float64Result rarefied_structures(const Inputs& inputs) {
    expect_arguments(inputs, 2);
    ListColumn counts(inputs[0]);
    NumberColumn sizes(inputs[1]);
    const size_t rows = inputs.rows();
    Float64Result result(rows);
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
            throw std::invalid_argument("rarefaction to " + std::to_string(*m) + " respondents; give a whole number");
        }
        defined = defined && total > 0 && *m <= total;
        result.push(defined ? std::optional(rarefied(sample.values, *m)) : std::nullopt);
    }
    return result;
}

}  // namespace

}  // namespace simframe

SIMFRAME_KERNEL(wasserstein, simframe::between_samples<simframe::wasserstein>)
SIMFRAME_KERNEL(energy_distance, simframe::between_samples<simframe::energy_distance>)
SIMFRAME_KERNEL(chi2_sf, simframe::chi2_tail)
SIMFRAME_KERNEL(rarefied_structures, simframe::rarefied_structures)
