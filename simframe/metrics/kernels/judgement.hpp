// From replicates to what stands beside an estimate: interval, floor and p-value.
//
// simframe/inference/judging/interval.py states the method and its reasons; this is the same method for tables of
// counts, and tests/metrics/test_count_bootstrap.py holds the two together.
#pragma once

#include <vector>

#include "measures.hpp"

namespace simframe {

constexpr double kLevel = 0.95;

struct Interval {
    double se, low, high;
};

struct Floor {
    double middle, q95;
};

// Replicates of one measure under every kind of draw.
struct Replicated {
    std::vector<double> bootstrap, floor, null, halves, half_samples;
};

// NaN where fewer than two replicates are numbers, where the estimate is not finite, or where a replicate is infinite.
// Sizes are those of the samples.
Interval interval(const Judged& judged, double estimate, const Replicated& drawn, double n_h, double n_s);
// Reorders the draws between samples of people.
Floor floor_of(const Judged& judged, Replicated& drawn);
// Student's quantile at which a 95 % interval ends (Hill 1970, algorithm 396).
double student(double df);
// The share of permutations at least as far from the ideal, the estimate counted as one (Phipson and Smyth 2010).
double p_value(const Judged& judged, double estimate, const std::vector<double>& permuted);

}  // namespace simframe
