#include "conditional.hpp"

#include <algorithm>
#include <cmath>

#include "jensen_shannon.hpp"

namespace simframe {

template <size_t lanes>
SIMFRAME_WIDE void Conditional<lanes>::read(const Column<lanes>& h, const Column<lanes>& s) {
    belief_.sum(h, by_h_);
    belief_.sum(s, by_s_);
    js_.assign(belief_.count(), Lanes<lanes>{});
    for (size_t row = 0; row < h.size(); ++row) {
        const size_t b = belief_[row];
        if (b == Groups::none) continue;
        Lanes<lanes> p, q;
        for (size_t lane = 0; lane < lanes; ++lane) {
            p[lane] = h[row][lane] / by_h_[b][lane];
            q[lane] = s[row][lane] / by_s_[b][lane];
        }
        const Lanes<lanes> term = js_term<lanes>(p, q);
        for (size_t lane = 0; lane < lanes; ++lane) js_[b][lane] += term[lane];
    }
    const auto all_h = totals_of<lanes>(h), all_s = totals_of<lanes>(s), total = totals_of<lanes>(by_h_);
    divergence = coverage = {};
    for (size_t b = 0; b < belief_.count(); ++b) {
        for (size_t lane = 0; lane < lanes; ++lane) {
            const bool both = by_h_[b][lane] > 0 && by_s_[b][lane] > 0;
            const double share = by_h_[b][lane] / total[lane];
            const double apart = share * std::min(js_[b][lane], 1.0);
            divergence[lane] += both ? apart : 0.0;
            coverage[lane] += both ? share : 0.0;
        }
    }
    for (size_t lane = 0; lane < lanes; ++lane) {
        const bool known = all_h[lane] > 0 && all_s[lane] > 0 && total[lane] > 0;
        divergence[lane] = known && coverage[lane] > 0 ? divergence[lane] : kUndefined;
        coverage[lane] = known ? std::min(coverage[lane], 1.0) : kUndefined;
    }
}

template class Conditional<1>;
template class Conditional<kLanes>;

namespace {

Conditional<1> conditional(const Table& table) {
    Conditional<1> read(table.columns[2]);
    read.read(alone(table.columns[0]), alone(table.columns[1]));
    return read;
}

}  // namespace

std::optional<double> conditional_js(const Table& table) { return conditional(table).divergence[0]; }

std::optional<double> conditional_js_coverage(const Table& table) { return conditional(table).coverage[0]; }

}  // namespace simframe
