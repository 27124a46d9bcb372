#include "measures.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace simframe {

namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// p log2(p / q): 0 where p = 0, infinite where q = 0 < p.
double kl_term(double p, double q) { return p > 0 ? p * std::log2(p / q) : 0.0; }

// ((1 + r) log2(1 + r) + (1 - r) log2(1 - r)) / 2, -1 <= r <= 1. Near 0, where replicates live, its power series,
// sum of r^2j / (j (2j - 1)) / (2 log 2), is exact and quicker than logarithms.
double js_part(double r) {
    constexpr double two_log_two = 1.3862943611198906;
    constexpr auto coefficients = [] {
        std::array<double, 12> c{};
        for (size_t i = 0; i < c.size(); ++i) {
            const auto j = static_cast<double>(i + 1);
            c[i] = 1 / (j * (2 * j - 1) * two_log_two);
        }
        return c;
    }();
    const double square = r * r;
    if (square > 1.0 / 16) return (kl_term(1 + r, 1) + kl_term(1 - r, 1)) / 2;
    double sum = 0.0;
    for (size_t i = coefficients.size(); i-- > 0;) sum = sum * square + coefficients[i];
    return sum * square;
}

// Integrates cost(P - Q) over the scale.
template <typename Cost>
double integrate(const Comparison& c, Cost cost) {
    double gap = 0.0, integral = 0.0;
    for (size_t k = 0; k + 1 < c.p.size(); ++k) {
        gap += c.p[k] - c.q[k];
        integral += cost(gap) * (c.value[k + 1] - c.value[k]);
    }
    return integral;
}

double mean_of(const std::vector<double>& shares, const std::vector<double>& value) {
    double sum = 0.0;
    for (size_t k = 0; k < value.size(); ++k) sum += shares[k] * value[k];
    return sum;
}

// Population variance (ddof 0), taken about the mean.
double variance_of(const std::vector<double>& shares, const std::vector<double>& value) {
    const double mean = mean_of(shares, value);
    double sum = 0.0;
    for (size_t k = 0; k < value.size(); ++k) sum += shares[k] * ((value[k] - mean) * (value[k] - mean));
    return sum;
}

}  // namespace

double js_of(const std::vector<double>& p, const std::vector<double>& q) {
    // With the middle m = (p + q) / 2 and r = (p - q) / (p + q), every term is m times a function of r alone: none
    // is negative and nothing cancels, however alike the sides are.
    double sum = 0.0;
    for (size_t k = 0; k < p.size(); ++k) {
        const double both = p[k] + q[k];
        if (both > 0) sum += both / 2 * js_part((p[k] - q[k]) / both);
    }
    return std::min(sum, 1.0);
}

double entropy_of(const std::vector<double>& shares) {
    double bits = 0.0;
    for (const double share : shares) {
        if (share > 0) bits += share * std::log2(1 / share);
    }
    return bits;
}

bool beyond_rounding(double variance, const std::vector<double>& values) {
    double largest = 0.0;
    for (const double value : values) largest = std::max(largest, std::abs(value));
    return beyond_rounding(variance, largest);
}

bool beyond_rounding(double variance, double largest) { return variance > std::pow(1e-12 * largest, 2); }

double total_variation(const Comparison& c) {
    double sum = 0.0;
    for (size_t k = 0; k < c.p.size(); ++k) sum += std::abs(c.p[k] - c.q[k]);
    return std::min(sum / 2, 1.0);
}

// Rounding never makes it negative.
double kl_divergence(const Comparison& c) {
    double bits = 0.0;
    for (size_t k = 0; k < c.p.size(); ++k) bits += kl_term(c.p[k], c.q[k]);
    return std::max(bits, 0.0);
}

double kl_smoothed(const Comparison& c) {
    const double a = c.pseudocount, k_a = a * static_cast<double>(c.p.size());
    double bits = 0.0;
    for (size_t k = 0; k < c.p.size(); ++k) {
        bits += kl_term((c.n_h * c.p[k] + a) / (c.n_h + k_a), (c.n_s * c.q[k] + a) / (c.n_s + k_a));
    }
    return std::max(bits, 0.0);
}

double js_divergence(const Comparison& c) { return js_of(c.p, c.q); }

double js_distance(const Comparison& c) { return std::sqrt(js_of(c.p, c.q)); }

double hellinger(const Comparison& c) {
    double sum = 0.0;
    for (size_t k = 0; k < c.p.size(); ++k) {
        const double gap = std::sqrt(c.p[k]) - std::sqrt(c.q[k]);
        sum += gap * gap;
    }
    return std::sqrt(std::min(sum / 2, 1.0));
}

double entropy_ratio(const Comparison& c) {
    const double reference = entropy_of(c.p);
    return reference == 0 ? kUndefined : entropy_of(c.q) / reference;
}

double modal_share_gap(const Comparison& c) {
    return *std::max_element(c.q.begin(), c.q.end()) - *std::max_element(c.p.begin(), c.p.end());
}

double wasserstein(const Comparison& c) {
    return integrate(c, [](double gap) { return std::abs(gap); });
}

double wasserstein_norm(const Comparison& c) {
    const double width = c.value.back() - c.value.front();
    return width > 0 ? wasserstein(c) / width : kUndefined;
}

double ks(const Comparison& c) {
    double gap = 0.0, largest = 0.0;
    for (size_t k = 0; k < c.p.size(); ++k) {
        gap += c.p[k] - c.q[k];
        // Tied values are one step of the distribution.
        const bool tied = k + 1 < c.value.size() && c.value[k] == c.value[k + 1];
        if (!tied) largest = std::max(largest, std::abs(gap));
    }
    return std::min(largest, 1.0);
}

double energy(const Comparison& c) {
    return std::sqrt(2 * integrate(c, [](double gap) { return gap * gap; }));
}

double mean_shift(const Comparison& c) {
    double shift = 0.0;
    for (size_t k = 0; k < c.p.size(); ++k) shift += (c.q[k] - c.p[k]) * c.value[k];
    return shift;
}

double variance_ratio(const Comparison& c) {
    const double reference = variance_of(c.p, c.value);
    return beyond_rounding(reference, c.value) ? variance_of(c.q, c.value) / reference : kUndefined;
}

double sd_ratio(const Comparison& c) { return std::sqrt(variance_ratio(c)); }

double mean_h(const Comparison& c) { return mean_of(c.p, c.value); }

double mean_s(const Comparison& c) { return mean_of(c.q, c.value); }

double variance_h(const Comparison& c) { return variance_of(c.p, c.value); }

double variance_s(const Comparison& c) { return variance_of(c.q, c.value); }

const Judged& judged(std::string_view name) {
    static constexpr Judged all[] = {
        {"total_variation", total_variation, false, Scale::square, 0, 1, 0},
        {"kl_divergence", kl_divergence, false, Scale::noncentral, 0, kInfinity, 0},
        {"kl_smoothed", kl_smoothed, false, Scale::noncentral, 0, kInfinity, 0},
        {"js_divergence", js_divergence, false, Scale::noncentral, 0, 1, 0},
        {"js_distance", js_distance, false, Scale::square, 0, 1, 0},
        {"hellinger", hellinger, false, Scale::square, 0, 1, 0},
        {"wasserstein", wasserstein, true, Scale::square, 0, kInfinity, 0},
        {"wasserstein_norm", wasserstein_norm, true, Scale::square, 0, 1, 0},
        {"ks", ks, true, Scale::square, 0, 1, 0},
        {"energy", energy, true, Scale::square, 0, kInfinity, 0},
        {"mean_shift", mean_shift, true, Scale::plain, -kInfinity, kInfinity, 0},
        {"variance_ratio", variance_ratio, true, Scale::log, 0, kInfinity, 1},
        {"sd_ratio", sd_ratio, true, Scale::log, 0, kInfinity, 1},
        {"entropy_ratio", entropy_ratio, false, Scale::log, 0, kInfinity, 1},
        {"modal_share_gap", modal_share_gap, false, Scale::plain, -1, 1, 0},
    };
    for (const Judged& each : all) {
        if (each.name == name) return each;
    }
    throw std::invalid_argument("no measure is named '" + std::string(name) + "'");
}

}  // namespace simframe
