// Special functions. Pure mathematics: nothing here knows of Arrow or Polars.
#pragma once

#include <vector>

namespace simframe {

// Upper tail of the chi-squared distribution; statistic >= 0, df >= 0 (df = 0 is a point at 0).
double chi2_sf(double statistic, double df);

// Distinct kinds expected among m draws without replacement from kinds of these sizes (Hurlbert 1971).
// Sizes and m are whole numbers; 0 <= m <= their sum.
double rarefied(const std::vector<double>& sizes, double m);

}  // namespace simframe
