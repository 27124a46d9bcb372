// Distances between weighted samples on the line. Pure mathematics: nothing here knows of Arrow or Polars.
#pragma once

#include <utility>
#include <vector>

namespace simframe {

// A sample as (value, weight) pairs. Values finite, weights finite and not negative.
using Points = std::vector<std::pair<double, double>>;

// All sort the points they are given. Each side must be non-empty with a positive sum of weights.
double wasserstein(Points& x, Points& y);
double energy_distance(Points& x, Points& y);
double ks(Points& x, Points& y);

}  // namespace simframe
