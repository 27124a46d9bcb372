// The metrics under many replicates: the formulas that serve the Polars expressions, on several tables side by side.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "arrays.hpp"
#include "conditional.hpp"
#include "crosstab.hpp"
#include "groups.hpp"
#include "homogeneity.hpp"
#include "measures.hpp"
#include "parallel.hpp"

namespace simframe {

namespace {

using Many = Lanes<kLanes>;

constexpr size_t kAtOnce = 2;  // blocks of kLanes replicates that a thread takes at a time

// What a metric reads in a table; metrics that read the same share the reading.
enum Reading : unsigned { kSides = 1, kMoments = 2, kCrosstab = 4, kConditional = 8, kCounts = 16 };

// kLanes replicates of one table.
struct Tables {
    std::vector<Column<kLanes>> columns;
    Comparison<kLanes> comparison{};
    std::array<Many, 2> totals{};  // NaN for sides without answers
    Moments<kLanes> moments;
    std::optional<Crosstab<kLanes>> crosstab;
    std::optional<Conditional<kLanes>> conditional;
};

SIMFRAME_WIDE Many share(const Column<kLanes>& counts, Column<kLanes>& shares) {
    const Many total = totals_of(counts);
    for (size_t row = 0; row < counts.size(); ++row) {
        for (size_t lane = 0; lane < kLanes; ++lane) shares[row][lane] = counts[row][lane] / total[lane];
    }
    return total;
}

// Of one side alone, also where the other has no answers.
template <size_t side>
Many entropy_of_side(const Tables& t) {
    const Many bits = entropy_of<kLanes>(side == 0 ? t.comparison.p : t.comparison.q);
    return by_lane<kLanes>([&](size_t lane) { return t.totals[side][lane] > 0 ? bits[lane] : kUndefined; });
}

Many chi2_of(const Tables& t) {
    const bool weighted = t.columns.size() == 4;
    return homogeneity<kLanes>(t.columns[0], t.columns[1], weighted ? &t.columns[2] : nullptr,
                               weighted ? &t.columns[3] : nullptr)
        .statistic;
}

// One table after the other: a likelihood is climbed, each at its own pace.
Many polychoric_of_each(const Tables& t) {
    Crosstab<1> one(t.crosstab->cells);
    return by_lane<kLanes>([&](size_t lane) {
        const auto take = [lane](const Column<kLanes>& from, Column<1>& to) {
            to.resize(from.size());
            for (size_t row = 0; row < from.size(); ++row) to[row][0] = from[row][lane];
        };
        take(t.crosstab->p, one.p);
        take(t.crosstab->by_belief, one.by_belief);
        take(t.crosstab->by_action, one.by_action);
        return polychoric_of(one);
    });
}

struct Named {
    std::string_view name;
    unsigned reads;
    Many (*metric)(const Tables&);
    Measure<kLanes> measure = nullptr;  // of two sides, instead
    bool by_value = false;
};

Named named(std::string_view name) {
    static const Named others[] = {
        {"mean_h", kSides, nullptr, mean_h<kLanes>, true},
        {"mean_s", kSides, nullptr, mean_s<kLanes>, true},
        {"variance_h", kSides, nullptr, variance_h<kLanes>, true},
        {"variance_s", kSides, nullptr, variance_s<kLanes>, true},
        {"entropy_h", kSides, entropy_of_side<0>},
        {"entropy_s", kSides, entropy_of_side<1>},
        {"chi2", kCounts, chi2_of},
        {"within_variance_ratio", kMoments, [](const Tables& t) { return within_variance_ratio_of(t.moments); }},
        {"eta2_ratio", kMoments, [](const Tables& t) { return eta2_ratio_of(t.moments); }},
        {"group_slope", kMoments, [](const Tables& t) { return group_slope_of(t.moments); }},
        {"cramers_v", kCrosstab, [](const Tables& t) { return cramers_v_of(*t.crosstab); }},
        {"mutual_information", kCrosstab, [](const Tables& t) { return mutual_information_of(*t.crosstab); }},
        {"goodman_kruskal_tau", kCrosstab, [](const Tables& t) { return goodman_kruskal_tau_of(*t.crosstab); }},
        {"spearman", kCrosstab, [](const Tables& t) { return spearman_of(*t.crosstab); }},
        {"polychoric", kCrosstab, polychoric_of_each},
        {"conditional_js", kConditional, [](const Tables& t) { return t.conditional->divergence; }},
        {"conditional_js_coverage", kConditional, [](const Tables& t) { return t.conditional->coverage; }},
    };
    for (const Named& each : others) {
        if (each.name == name) return each;
    }
    const Judged& found = judged(name);
    return {found.name, kSides, nullptr, found.side_by_side, found.by_value};
}

class Evaluator {
  public:
    Evaluator(const SimframeReplicates& request, const std::vector<Named>& metrics)
        : request_(request), metrics_(metrics) {
        for (const Named& each : metrics) reads_ |= each.reads;
        tables_.columns.assign(columns(), Column<kLanes>(rows()));
        for (size_t column = 0; column < columns(); ++column) read(column, 0);
        if ((reads_ & (kSides | kCounts)) != 0) expect(2);
        if ((reads_ & kSides) != 0) prepare_sides();
        if ((reads_ & kMoments) != 0) {
            expect(6);
            if (request.numbers < 1) throw std::invalid_argument("contrasts need the largest value");
            tables_.moments.largest = request.number[0];
        }
        if ((reads_ & kCrosstab) != 0) tables_.crosstab.emplace(Cells(fixed(1), fixed(2)));
        if ((reads_ & kConditional) != 0) tables_.conditional.emplace(fixed(2));
    }

    // Evaluates the metrics under the replicates of one block.
    void operator()(size_t block) {
        const auto replicates = static_cast<size_t>(request_.replicates);
        const size_t first = block * kLanes, lanes = std::min(kLanes, replicates - first);
        for (size_t column = 0; column < columns(); ++column) {
            if (request_.varies[column] != 0) read(column, first);
        }
        const auto& c = tables_.columns;
        if ((reads_ & kSides) != 0) {
            tables_.totals = {share(c[0], tables_.comparison.p), share(c[1], tables_.comparison.q)};
        }
        if ((reads_ & kMoments) != 0) read_moments();
        if ((reads_ & kCrosstab) != 0) tables_.crosstab->read(c[0]);
        if ((reads_ & kConditional) != 0) tables_.conditional->read(c[0], c[1]);
        for (size_t i = 0; i < metrics_.size(); ++i) {
            const Many found = evaluate(metrics_[i]);
            std::copy_n(found.begin(), lanes, request_.out + i * replicates + first);
        }
    }

  private:
    size_t rows() const { return static_cast<size_t>(request_.rows); }
    size_t columns() const { return static_cast<size_t>(request_.columns); }

    void expect(size_t least) const {
        if (columns() < least) throw std::invalid_argument("too few columns");
    }

    // A column that is the same in every replicate.
    std::vector<double> fixed(size_t column) const {
        expect(column + 1);
        if (request_.varies[column] != 0) throw std::invalid_argument("codes vary");
        return {request_.column[column], request_.column[column] + rows()};
    }

    void prepare_sides() {
        auto& comparison = tables_.comparison;
        comparison.p = comparison.q = Column<kLanes>(rows());
        if (columns() > 2) comparison.value = fixed(2);
        if (!std::is_sorted(comparison.value.begin(), comparison.value.end())) {
            throw std::invalid_argument("values do not rise");
        }
        comparison.n_h = request_.numbers > 1 ? request_.number[0] : kUndefined;
        comparison.n_s = request_.numbers > 1 ? request_.number[1] : kUndefined;
    }

    // Reads a column under the replicates from `first` on. Lanes behind the last one repeat it: nobody asks for them.
    void read(size_t column, size_t first) {
        const double* from = request_.column[column];
        auto& to = tables_.columns[column];
        if (request_.varies[column] == 0) {
            for (size_t row = 0; row < to.size(); ++row) to[row].fill(from[row]);
            return;
        }
        const auto replicates = static_cast<size_t>(request_.replicates);
        const size_t lanes = std::min(kLanes, replicates - first);
        from += first;
        for (size_t row = 0; row < to.size(); ++row, from += replicates) {
            if (lanes == kLanes) {
                std::copy_n(from, kLanes, to[row].begin());
            } else {
                for (size_t lane = 0; lane < kLanes; ++lane) to[row][lane] = from[std::min(lane, lanes - 1)];
            }
        }
    }

    void read_moments() {
        Moments<kLanes>& m = tables_.moments;
        size_t column = 0;
        for (Column<kLanes>* each : {&m.weight_h, &m.weight_s, &m.mean_h, &m.mean_s, &m.within_h, &m.within_s}) {
            *each = tables_.columns[column++];
        }
        m.share();
    }

    Many evaluate(const Named& each) const {
        if (each.metric != nullptr) return each.metric(tables_);
        if (each.by_value && tables_.comparison.value.empty()) {
            Many nothing;
            nothing.fill(kUndefined);
            return nothing;
        }
        const Many found = each.measure(tables_.comparison);
        const auto& [of_h, of_s] = tables_.totals;
        return by_lane<kLanes>(
            [&](size_t lane) { return of_h[lane] > 0 && of_s[lane] > 0 ? found[lane] : kUndefined; });
    }

    const SimframeReplicates& request_;
    const std::vector<Named>& metrics_;
    unsigned reads_ = 0;
    Tables tables_;
};

void evaluate(const SimframeReplicates& request) {
    if (request.rows < 1 || request.columns < 1 || request.replicates < 1) return;
    std::vector<Named> metrics;
    for (int64_t i = 0; i < request.metrics; ++i) metrics.push_back(named(request.names[i]));
    const size_t blocks = (static_cast<size_t>(request.replicates) + kLanes - 1) / kLanes;
    over_rows((blocks + kAtOnce - 1) / kAtOnce, [&]() -> RowWorker {
        const auto evaluator = std::make_shared<Evaluator>(request, metrics);
        return [evaluator, blocks](size_t part) {
            const size_t end = std::min(blocks, (part + 1) * kAtOnce);
            for (size_t block = part * kAtOnce; block < end; ++block) (*evaluator)(block);
        };
    });
}

}  // namespace

}  // namespace simframe

SIMFRAME_EXPORT int32_t simframe_replicates(const SimframeReplicates* replicates) {
    return simframe::guarded([&] { simframe::evaluate(*replicates); });
}
