// The formulas that compare two answer distributions, and how each is judged. Pure mathematics, without allocation:
// the same code serves a point estimate and its thousands of replicates.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace simframe {

// Shares p of the reference and q of the compared panel over the same options. Where there are values, the options
// stand in ascending order of them.
struct Comparison {
    std::vector<double> p, q, value;
    double n_h, n_s;  // respondents behind the shares
    double pseudocount = 0.5;
};

// NaN where undefined.
using Measure = double (*)(const Comparison&);

double total_variation(const Comparison&);
double kl_divergence(const Comparison&);
double kl_smoothed(const Comparison&);
double js_divergence(const Comparison&);
double js_distance(const Comparison&);
double hellinger(const Comparison&);
double entropy_ratio(const Comparison&);
double modal_share_gap(const Comparison&);

// These need values; ks goes by the options' own order without them.
double wasserstein(const Comparison&);
double wasserstein_norm(const Comparison&);
double ks(const Comparison&);
double energy(const Comparison&);
double mean_shift(const Comparison&);
double variance_ratio(const Comparison&);
double sd_ratio(const Comparison&);
double mean_h(const Comparison&);
double mean_s(const Comparison&);
double variance_h(const Comparison&);
double variance_s(const Comparison&);

// sum p log2(1 / p).
double entropy_of(const std::vector<double>& shares);
double js_of(const std::vector<double>& p, const std::vector<double>& q);
// A variance that is only the rounding of means that should be equal does not count as variation.
bool beyond_rounding(double variance, const std::vector<double>& values);
bool beyond_rounding(double variance, double largest);

// How an interval is taken; simframe/inference/interval.py says why. `square` is noncentral on squares.
enum class Scale { plain, log, noncentral, square };

// How a measure is judged: the scale of its interval, its range, and what two like panels score.
struct Judged {
    const char* name;
    Measure measure;
    bool by_value;
    Scale scale;
    double low, high, ideal;
};

// Throws where no measure has that name.
const Judged& judged(std::string_view name);

}  // namespace simframe
