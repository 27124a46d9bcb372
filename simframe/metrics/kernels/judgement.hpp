// From replicates to what stands beside an estimate: interval, floor and p-value.
//
// simframe/inference/interval.py states the method and its reasons; this is the same method for tables of counts, and
// tests/metrics/test_count_bootstrap.py holds the two together.
#pragma once

#include <vector>

#include "measures.hpp"

namespace simframe {

constexpr double kLevel = 0.95;

struct Interval {
    double se, low, high;
};

struct Floor {
    double mean, q95;
};

// Replicates are reordered, and those that are not finite are dropped. NaN where fewer than two remain, or where the
// estimate is not finite.
Interval interval(const Judged& judged, double estimate, std::vector<double>& replicates);
Floor floor_of(std::vector<double>& between_people);
// The share of permutations at least as far from the ideal, the estimate counted as one (Phipson and Smyth 2010).
double p_value(const Judged& judged, double estimate, const std::vector<double>& permuted);

}  // namespace simframe
