// The chi-squared test that two panels answer alike.
#pragma once

#include "lanes.hpp"

namespace simframe {

// NaN where undefined.
template <size_t lanes>
struct Homogeneity {
    Lanes<lanes> statistic, df;
};

// Counts of both sides and, where squared weights are known, their sums; else null.
template <size_t lanes>
Homogeneity<lanes> homogeneity(const Column<lanes>& h, const Column<lanes>& s, const Column<lanes>* squares_h,
                               const Column<lanes>* squares_s);

}  // namespace simframe
