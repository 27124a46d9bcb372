// The metrics under many replicates: the formulas that serve the Polars expressions, one table after the other.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "arrays.hpp"
#include "crosstab.hpp"
#include "measures.hpp"
#include "parallel.hpp"
#include "table.hpp"

namespace simframe {

namespace {

constexpr size_t kAtOnce = 64;  // replicates that a thread takes at a time
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// A measure of two distributions or of either, or of a crosstab, which share their reading of the table, or a metric of
// the table itself.
struct Named {
    std::string_view name;
    Measure measure;
    bool by_value;
    Metric metric;
    double (*of_side)(const Shares&) = nullptr;
    size_t side = 0;
    std::optional<double> (*of_crosstab)(const Crosstab&) = nullptr;
};

Named named(std::string_view name) {
    static constexpr Named others[] = {
        {"mean_h", mean_h, true, nullptr},
        {"mean_s", mean_s, true, nullptr},
        {"variance_h", variance_h, true, nullptr},
        {"variance_s", variance_s, true, nullptr},
        {"entropy", nullptr, false, entropy},
        {"entropy_h", nullptr, false, nullptr, entropy_of, 0},
        {"entropy_s", nullptr, false, nullptr, entropy_of, 1},
        {"chi2", nullptr, false, chi2_statistic},
        {"within_variance_ratio", nullptr, false, within_variance_ratio_of_moments},
        {"eta2_ratio", nullptr, false, eta2_ratio_of_moments},
        {"group_slope", nullptr, false, group_slope_of_moments},
        {"cramers_v", nullptr, false, nullptr, nullptr, 0, cramers_v_of},
        {"mutual_information", nullptr, false, nullptr, nullptr, 0, mutual_information_of},
        {"goodman_kruskal_tau", nullptr, false, nullptr, nullptr, 0, goodman_kruskal_tau_of},
        {"spearman", nullptr, false, spearman},
        {"polychoric", nullptr, false, polychoric},
        {"conditional_js", nullptr, false, conditional_js},
        {"conditional_js_coverage", nullptr, false, conditional_js_coverage},
    };
    for (const Named& each : others) {
        if (each.name == name) return each;
    }
    const Judged& found = judged(name);
    return {found.name, found.measure, found.by_value, nullptr};
}

class Evaluator {
  public:
    Evaluator(const SimframeReplicates& request, const std::vector<Named>& metrics)
        : request_(request), metrics_(metrics) {
        const auto rows = static_cast<size_t>(request.rows), columns = static_cast<size_t>(request.columns);
        table_.columns.assign(columns, std::vector<double>(rows));
        table_.numbers.assign(request.number, request.number + request.numbers);
        for (size_t column = 0; column < columns; ++column) read(column, 0);
        const auto reads = [](const Named& each) { return each.of_crosstab != nullptr; };
        reads_ = std::any_of(metrics.begin(), metrics.end(), reads);
        const auto compares = [](const Named& each) { return each.metric == nullptr && each.of_crosstab == nullptr; };
        if (!std::any_of(metrics.begin(), metrics.end(), compares)) return;
        if (columns < 2) throw std::invalid_argument("a comparison needs two sides");
        comparison_ = {std::vector<double>(rows), std::vector<double>(rows), {}, kUndefined, kUndefined};
        if (columns > 2) comparison_.value = table_.columns[2];
        if (!std::is_sorted(comparison_.value.begin(), comparison_.value.end())) {
            throw std::invalid_argument("values do not rise");
        }
        if (table_.numbers.size() > 1) {
            comparison_.n_h = table_.numbers[0];
            comparison_.n_s = table_.numbers[1];
        }
        compares_ = true;
    }

    void operator()(size_t replicate) {
        const auto replicates = static_cast<size_t>(request_.replicates);
        for (size_t column = 0; column < table_.columns.size(); ++column) {
            if (request_.varies[column] != 0) read(column, replicate);
        }
        if (compares_) known_ = {share(0, comparison_.p), share(1, comparison_.q)};
        if (reads_) crosstab_ = crosstab(table_);
        for (size_t i = 0; i < metrics_.size(); ++i) {
            request_.out[i * replicates + replicate] = evaluate(metrics_[i]);
        }
    }

  private:
    void read(size_t column, size_t replicate) {
        const double* from = request_.column[column];
        const size_t step = request_.varies[column] != 0 ? static_cast<size_t>(request_.replicates) : 1;
        const size_t start = request_.varies[column] != 0 ? replicate : 0;
        auto& to = table_.columns[column];
        for (size_t row = 0; row < to.size(); ++row) to[row] = from[row * step + start];
    }

    bool share(size_t column, std::vector<double>& shares) const {
        const auto total = total_of(table_.columns[column]);
        if (!total) return false;
        for (size_t row = 0; row < shares.size(); ++row) shares[row] = table_.columns[column][row] / *total;
        return true;
    }

    double evaluate(const Named& each) const {
        if (each.metric != nullptr) return each.metric(table_).value_or(kUndefined);
        if (each.of_crosstab != nullptr) {
            return crosstab_ ? each.of_crosstab(*crosstab_).value_or(kUndefined) : kUndefined;
        }
        // Of one side alone, also where the other has no answers.
        if (each.of_side != nullptr) {
            return known_[each.side] ? each.of_side(each.side == 0 ? comparison_.p : comparison_.q) : kUndefined;
        }
        if (!known_[0] || !known_[1] || (each.by_value && comparison_.value.empty())) return kUndefined;
        return each.measure(comparison_);
    }

    const SimframeReplicates& request_;
    const std::vector<Named>& metrics_;
    Table table_;
    std::optional<Crosstab> crosstab_;
    bool reads_ = false;
    Comparison comparison_{};
    bool compares_ = false;
    std::array<bool, 2> known_{};  // which sides have answers
};

void evaluate(const SimframeReplicates& request) {
    if (request.rows < 1 || request.columns < 1 || request.replicates < 1) return;
    std::vector<Named> metrics;
    for (int64_t i = 0; i < request.metrics; ++i) metrics.push_back(named(request.names[i]));
    const auto replicates = static_cast<size_t>(request.replicates);
    over_rows((replicates + kAtOnce - 1) / kAtOnce, [&]() -> RowWorker {
        const auto evaluator = std::make_shared<Evaluator>(request, metrics);
        return [evaluator, replicates](size_t part) {
            const size_t end = std::min(replicates, (part + 1) * kAtOnce);
            for (size_t replicate = part * kAtOnce; replicate < end; ++replicate) (*evaluator)(replicate);
        };
    });
}

}  // namespace

}  // namespace simframe

SIMFRAME_EXPORT int32_t simframe_replicates(const SimframeReplicates* replicates) {
    return simframe::guarded([&] { simframe::evaluate(*replicates); });
}
