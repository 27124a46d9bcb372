// Groups of people by their moments, and what their means and variances say of both panels.
#pragma once

#include <vector>

#include "lanes.hpp"

namespace simframe {

// Both panels by group: weights, means, and variances within, all of several tables side by side. Groups that a panel
// does not hold weigh nothing on either side.
template <size_t lanes>
struct Moments {
    Column<lanes> weight_h, weight_s, mean_h, mean_s, within_h, within_s;
    double largest = 0.0;  // absolute value anybody gave

    // Sets aside the groups that one side alone holds.
    void share();
};

// NaN where undefined.
template <size_t lanes>
Lanes<lanes> within_variance_ratio_of(const Moments<lanes>&);
template <size_t lanes>
Lanes<lanes> eta2_ratio_of(const Moments<lanes>&);
template <size_t lanes>
Lanes<lanes> group_slope_of(const Moments<lanes>&);

}  // namespace simframe
