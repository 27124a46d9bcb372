// The measures by name.
#include <limits>
#include <stdexcept>
#include <string>

#include "measures.hpp"

namespace simframe {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

#define SIMFRAME_JUDGED(measure) #measure, measure<1>, measure<kLanes>

const Judged& judged(std::string_view name) {
    static constexpr Judged all[] = {
        {SIMFRAME_JUDGED(total_variation), false, Scale::square, 0, 1, 0},
        {SIMFRAME_JUDGED(kl_divergence), false, Scale::noncentral, 0, kInfinity, 0},
        {SIMFRAME_JUDGED(kl_smoothed), false, Scale::noncentral, 0, kInfinity, 0},
        {SIMFRAME_JUDGED(js_divergence), false, Scale::noncentral, 0, 1, 0},
        {SIMFRAME_JUDGED(js_distance), false, Scale::square, 0, 1, 0},
        {SIMFRAME_JUDGED(hellinger), false, Scale::square, 0, 1, 0},
        {SIMFRAME_JUDGED(wasserstein), true, Scale::square, 0, kInfinity, 0},
        {SIMFRAME_JUDGED(wasserstein_norm), true, Scale::square, 0, 1, 0},
        {SIMFRAME_JUDGED(ks), true, Scale::square, 0, 1, 0},
        {SIMFRAME_JUDGED(energy), true, Scale::square, 0, kInfinity, 0},
        {SIMFRAME_JUDGED(mean_shift), true, Scale::plain, -kInfinity, kInfinity, 0},
        {SIMFRAME_JUDGED(variance_ratio), true, Scale::log, 0, kInfinity, 1},
        {SIMFRAME_JUDGED(sd_ratio), true, Scale::log, 0, kInfinity, 1},
        {SIMFRAME_JUDGED(entropy_ratio), false, Scale::log, 0, kInfinity, 1},
        {SIMFRAME_JUDGED(modal_share_gap), false, Scale::plain, -1, 1, 0},
    };
    for (const Judged& each : all) {
        if (each.name == name) return each;
    }
    throw std::invalid_argument("no measure is named '" + std::string(name) + "'");
}

#undef SIMFRAME_JUDGED

}  // namespace simframe
