// Kernels that draw tables of counts again and again: bootstrap, floor and permutation test of every measure at once.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>

#include "draws.hpp"
#include "judgement.hpp"
#include "measures.hpp"
#include "parallel.hpp"
#include "plugin.hpp"

namespace simframe {

namespace {

// The kernels' arguments, in order. `metrics` is a struct whose fields bear the measures' names: the type of a result
// may depend on the types of the inputs, never on their values.
enum Argument : size_t { kReference, kCompared, kValue, kKey, kSeed, kReplicates, kMetrics, kArguments };

// The uses of random numbers within a cell.
enum Stream : uint64_t { kBootstrap, kPermutation, kBeside };

constexpr double kMostRespondents = 2147483647.0;

std::vector<std::string> metric_names(const ArrowSchema& metrics) {
    if (std::string_view(metrics.format) != "+s") throw std::invalid_argument("the metrics are no struct of names");
    std::vector<std::string> names;
    for (int64_t i = 0; i < metrics.n_children; ++i) names.emplace_back(metrics.children[i]->name);
    return names;
}

void expect_arguments(size_t count) {
    if (count != kArguments) throw std::invalid_argument("the kernel takes 7 arguments, got " + std::to_string(count));
}

// Both sides' counts over the options, in an order that only the options themselves decide.
struct Cell {
    Counts h, s;
    std::vector<double> value;
    int64_t n_h, n_s;
};

class CellReader {
  public:
    explicit CellReader(const Inputs& inputs)
        : names_{name(inputs[kReference]), name(inputs[kCompared])},
          value_name_(name(inputs[kValue])), h_(inputs[kReference]), s_(inputs[kCompared]) {
        if (!absent(inputs[kValue])) value_.emplace(inputs[kValue]);
    }

    // False where a side has no answers, or a count is missing, negative or not finite. Values that are unusable are
    // left out of the cell.
    bool read(size_t row, Cell& cell) {
        const bool usable_h = count(h_, row, names_[0], counts_h_), usable_s = count(s_, row, names_[1], counts_s_);
        const size_t options = counts_h_.size();
        same_length(row, names_[1], counts_s_.size(), options);
        bool by_value = value_.has_value() && value_->read(row, sample_);
        if (by_value) same_length(row, value_name_, sample_.values.size(), options);
        for (size_t k = 0; by_value && k < options; ++k) {
            by_value = sample_.present[k] && std::isfinite(sample_.values[k]);
        }
        if (!usable_h || !usable_s) return false;
        options_.clear();
        for (size_t k = 0; k < options; ++k) {
            options_.emplace_back(by_value ? sample_.values[k] : 0.0, counts_h_[k], counts_s_[k]);
        }
        std::sort(options_.begin(), options_.end());
        cell = Cell{{}, {}, {}, 0, 0};
        for (const auto& [value, h, s] : options_) {
            cell.h.push_back(h);
            cell.s.push_back(s);
            if (by_value) cell.value.push_back(value);
            cell.n_h += h;
            cell.n_s += s;
        }
        return true;
    }

  private:
    void same_length(size_t row, const std::string& column, size_t length, size_t options) const {
        if (length == options) return;
        throw std::invalid_argument("row " + std::to_string(row) + ": column '" + column + "' has " +
                                    std::to_string(length) + " options where '" + names_[0] + "' has " +
                                    std::to_string(options));
    }

    bool count(ListColumn& column, size_t row, const std::string& column_name, Counts& counts) {
        counts.clear();
        if (!column.read(row, sample_)) sample_.values.clear();
        double total = 0.0;
        bool usable = true;
        for (size_t k = 0; k < sample_.values.size(); ++k) {
            const double number = sample_.values[k];
            const bool is_count = sample_.present[k] && std::isfinite(number) && number >= 0;
            usable = usable && is_count;
            if (is_count && number != std::floor(number)) {
                throw std::invalid_argument("row " + std::to_string(row) + ": column '" + column_name + "' holds " +
                                            std::to_string(number) + " where whole numbers are needed; counts of " +
                                            "respondents can be drawn again, weights cannot");
            }
            total += is_count ? number : 0.0;
            counts.push_back(is_count && number <= kMostRespondents ? static_cast<int64_t>(number) : 0);
        }
        if (total > kMostRespondents) {
            throw std::invalid_argument("row " + std::to_string(row) + ": column '" + column_name +
                                        "' counts more than 2147483647 respondents");
        }
        return usable && total > 0;
    }

    std::string names_[2], value_name_;
    ListColumn h_, s_;
    std::optional<ListColumn> value_;
    Sample sample_;
    Counts counts_h_, counts_s_;
    std::vector<std::tuple<double, int64_t, int64_t>> options_;
};

// Replicates of each measure.
using Replicates = std::vector<std::vector<double>>;

// What one thread works with: the settings, the measures, and the present cell.
class Bench {
  public:
    explicit Bench(const Inputs& inputs)
        : reader_(inputs), key_(inputs[kKey]), seed_(setting(inputs[kSeed])), replicates_(setting(inputs[kReplicates])) {
        for (const std::string& each : metric_names(*inputs[kMetrics].field)) measures_.push_back(&judged(each));
    }

    bool read(size_t row) {
        if (!reader_.read(row, cell)) return false;
        const size_t options = cell.h.size();
        const auto n_h = static_cast<double>(cell.n_h), n_s = static_cast<double>(cell.n_s);
        comparison_ = Comparison<1>{Column<1>(options), Column<1>(options), cell.value, n_h, n_s};
        cell_hash_ = key_.hash(row);
        return true;
    }

    Philox random(Stream stream) const { return {seed_, cell_hash_, stream}; }
    uint64_t replicates() const { return replicates_; }
    size_t count() const { return measures_.size(); }
    const Judged& measure(size_t i) const { return *measures_[i]; }

    Replicates start() const {
        Replicates empty(measures_.size());
        for (auto& each : empty) each.reserve(replicates_);
        return empty;
    }

    // Adds what every measure says of two sides' counts.
    void add(const Counts& h, const Counts& s, Replicates& to) {
        compare(h, s);
        for (size_t i = 0; i < measures_.size(); ++i) to[i].push_back(evaluate(i));
    }

    double estimate(size_t i) {
        compare(cell.h, cell.s);
        return evaluate(i);
    }

    Cell cell;

  private:
    static uint64_t setting(const SeriesExport& series) {
        const auto number = NumberColumn(series).at(0);
        if (!number || !(*number >= 0)) throw std::invalid_argument("'" + name(series) + "' is not a number from 0 up");
        return static_cast<uint64_t>(*number);
    }

    void compare(const Counts& h, const Counts& s) {
        for (size_t k = 0; k < h.size(); ++k) {
            comparison_.p[k][0] = static_cast<double>(h[k]);
            comparison_.q[k][0] = static_cast<double>(s[k]);
        }
        to_shares(comparison_.p);
        to_shares(comparison_.q);
    }

    static void to_shares(Column<1>& counts) {
        double total = 0.0;
        for (const auto& [count] : counts) total += count;
        for (auto& [count] : counts) count /= total;
    }

    double evaluate(size_t i) const {
        if (measures_[i]->by_value && comparison_.value.empty()) return std::numeric_limits<double>::quiet_NaN();
        return measures_[i]->measure(comparison_)[0];
    }

    CellReader reader_;
    KeyColumn key_;
    uint64_t seed_, replicates_, cell_hash_ = 0;
    std::vector<const Judged*> measures_;
    Comparison<1> comparison_{};
};

// Bootstrap and floor of one cell after the other. Both need samples of the reference, and share them: each remains
// what it would be alone.
class Bootstrap {
  public:
    Bootstrap(const Inputs& inputs, Result& result) : bench_(inputs), result_(result) {}

    void operator()(size_t row) {
        if (!bench_.read(row)) return;
        const Cell& cell = bench_.cell;
        Replicates bootstrap = bench_.start(), floor = bench_.start();
        draw(bootstrap, floor);
        Replicates null = bench_.start(), halves = bench_.start(), half_samples = bench_.start();
        draw_beside(null, halves, half_samples);
        const auto n_h = static_cast<double>(cell.n_h), n_s = static_cast<double>(cell.n_s);
        for (size_t i = 0; i < bench_.count(); ++i) {
            const double estimate = bench_.estimate(i);
            Replicated drawn{std::move(bootstrap[i]), std::move(floor[i]), std::move(null[i]), std::move(halves[i]),
                             std::move(half_samples[i])};
            const Interval around = interval(bench_.measure(i), estimate, drawn, n_h, n_s);
            const Floor below = floor_of(bench_.measure(i), drawn);
            const double figures[] = {estimate, around.se, around.low, around.high, below.middle, below.q95};
            for (size_t field = 0; field < std::size(figures); ++field) {
                result_.field(i).field(field).set(row, figures[field]);
            }
        }
    }

  private:
    // Resampling takes one respondent fewer than there are: the variance of a share is then without bias.
    void draw(Replicates& bootstrap, Replicates& floor) {
        const Cell& cell = bench_.cell;
        people_.aim(cell.h, std::max<int64_t>(1, cell.n_h - 1));
        compared_.aim(cell.s, std::max<int64_t>(1, cell.n_s - 1));
        like_people_.aim(cell.h, cell.n_s);
        Counts h(cell.h.size()), s(cell.h.size());
        Philox random = bench_.random(kBootstrap);
        for (uint64_t i = 0; i < bench_.replicates(); ++i) {
            people_.draw(random, h);
            compared_.draw(random, s);
            bench_.add(h, s, bootstrap);
            like_people_.draw(random, s);
            bench_.add(h, s, floor);
        }
    }

    // Only means and variances of these count: a quarter of the replicates tells them as well.
    void draw_beside(Replicates& null, Replicates& halves, Replicates& half_samples) {
        const Cell& cell = bench_.cell;
        const int64_t half = cell.n_h / 2;
        Counts pooled(cell.h), drawn(cell.h.size()), rest(cell.h.size());
        for (size_t k = 0; k < pooled.size(); ++k) pooled[k] += cell.s[k];
        labels_.aim(pooled, cell.n_h);
        half_.aim(cell.h, half);
        people_.aim(cell.h, half);
        like_people_.aim(cell.h, cell.n_h - half);
        Philox random = bench_.random(kBeside);
        for (uint64_t i = 0; i < std::max<uint64_t>(2, bench_.replicates() / 4); ++i) {
            labels_.draw(random, drawn);
            for (size_t k = 0; k < pooled.size(); ++k) rest[k] = pooled[k] - drawn[k];
            bench_.add(drawn, rest, null);
            if (half == 0) continue;
            half_.draw(random, drawn);
            for (size_t k = 0; k < pooled.size(); ++k) rest[k] = cell.h[k] - drawn[k];
            bench_.add(drawn, rest, halves);
            people_.draw(random, drawn);
            like_people_.draw(random, rest);
            bench_.add(drawn, rest, half_samples);
        }
    }

    Bench bench_;
    Result& result_;
    Resampler people_, compared_, like_people_;
    Permuter labels_, half_;
};

// Permutation test of one cell after the other.
class Permutation {
  public:
    Permutation(const Inputs& inputs, Result& result) : bench_(inputs), result_(result) {}

    void operator()(size_t row) {
        if (!bench_.read(row)) return;
        const Cell& cell = bench_.cell;
        Counts pooled(cell.h);
        for (size_t k = 0; k < pooled.size(); ++k) pooled[k] += cell.s[k];
        // The smaller side is drawn; what is left is the other.
        const bool people_are_fewer = cell.n_h <= cell.n_s;
        permuter_.aim(pooled, std::min(cell.n_h, cell.n_s));
        Replicates permuted = bench_.start();
        Counts drawn(pooled.size()), rest(pooled.size());
        Philox random = bench_.random(kPermutation);
        for (uint64_t i = 0; i < bench_.replicates(); ++i) {
            permuter_.draw(random, drawn);
            for (size_t k = 0; k < pooled.size(); ++k) rest[k] = pooled[k] - drawn[k];
            people_are_fewer ? bench_.add(drawn, rest, permuted) : bench_.add(rest, drawn, permuted);
        }
        for (size_t i = 0; i < bench_.count(); ++i) {
            result_.field(i).set(row, p_value(bench_.measure(i), bench_.estimate(i), permuted[i]));
        }
    }

  private:
    Bench bench_;
    Result& result_;
    Permuter permuter_;
};

Result bootstrap_of(const std::vector<std::string>& metrics, size_t rows) {
    return {metrics, Result({"estimate", "se", "low", "high", "floor", "floor_q95"}, Result(rows))};
}

Result permutation_of(const std::vector<std::string>& metrics, size_t rows) { return {metrics, Result(rows)}; }

using Layout = Result (*)(const std::vector<std::string>& metrics, size_t rows);

template <Layout layout>
Result shape(const ArrowSchema* fields, size_t count) {
    expect_arguments(count);
    return layout(metric_names(fields[kMetrics]), 0);
}

template <typename Work, Layout layout>
Result kernel(const Inputs& inputs) {
    expect_arguments(inputs.count());
    const size_t rows = inputs.rows();
    Result result = layout(metric_names(*inputs[kMetrics].field), rows);
    over_rows(rows, [&]() -> RowWorker {
        const auto work = std::make_shared<Work>(inputs, result);
        return [work](size_t row) { (*work)(row); };
    });
    return result;
}

constexpr Kernel count_bootstrap = kernel<Bootstrap, bootstrap_of>;
constexpr Kernel count_permutation = kernel<Permutation, permutation_of>;

}  // namespace

}  // namespace simframe

SIMFRAME_STRUCT_KERNEL(count_bootstrap, simframe::count_bootstrap, simframe::shape<simframe::bootstrap_of>)
SIMFRAME_STRUCT_KERNEL(count_permutation, simframe::count_permutation, simframe::shape<simframe::permutation_of>)
