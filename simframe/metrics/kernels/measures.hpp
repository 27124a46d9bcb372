// The formulas that compare two answer distributions, and how each is judged. Pure mathematics, without allocation:
// the same code serves a point estimate and its thousands of replicates.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "lanes.hpp"

namespace simframe {

// Shares p of the reference and q of the compared panel over the same options, of several tables side by side. Where
// there are values, the options stand in ascending order of them.
template <size_t lanes>
struct Comparison {
    Column<lanes> p, q;
    std::vector<double> value;
    double n_h, n_s;  // respondents behind the shares
    double pseudocount = 0.5;
};

// NaN where undefined.
template <size_t lanes>
using Measure = Lanes<lanes> (*)(const Comparison<lanes>&);

#define SIMFRAME_DECLARE(measure) \
    template <size_t lanes>       \
    Lanes<lanes> measure(const Comparison<lanes>&);

SIMFRAME_DECLARE(total_variation)
SIMFRAME_DECLARE(kl_divergence)
SIMFRAME_DECLARE(kl_smoothed)
SIMFRAME_DECLARE(js_divergence)
SIMFRAME_DECLARE(js_distance)
SIMFRAME_DECLARE(hellinger)
SIMFRAME_DECLARE(entropy_ratio)
SIMFRAME_DECLARE(modal_share_gap)
// These need values; ks goes by the options' own order without them.
SIMFRAME_DECLARE(wasserstein)
SIMFRAME_DECLARE(wasserstein_norm)
SIMFRAME_DECLARE(ks)
SIMFRAME_DECLARE(energy)
SIMFRAME_DECLARE(mean_shift)
SIMFRAME_DECLARE(variance_ratio)
SIMFRAME_DECLARE(sd_ratio)
SIMFRAME_DECLARE(mean_h)
SIMFRAME_DECLARE(mean_s)
SIMFRAME_DECLARE(variance_h)
SIMFRAME_DECLARE(variance_s)
#undef SIMFRAME_DECLARE

// -sum p log2(p).
template <size_t lanes>
Lanes<lanes> entropy_of(const Column<lanes>& shares);

// A variance that is only the rounding of means that should be equal does not count as variation: it must exceed this.
double rounding_of(double largest);
bool beyond_rounding(double variance, const std::vector<double>& values);

// How an interval is taken; simframe/inference/judging/interval.py says why. `square` is noncentral on squares.
enum class Scale { plain, log, noncentral, square };

// How a measure is judged: the scale of its interval, its range, and what two like panels score.
struct Judged {
    const char* name;
    Measure<1> measure;
    Measure<kLanes> side_by_side;
    bool by_value;
    Scale scale;
    double low, high, ideal;
};

// Throws where no measure has that name.
const Judged& judged(std::string_view name);

}  // namespace simframe
