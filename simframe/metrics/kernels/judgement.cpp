#include "judgement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace simframe {

namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

void keep_finite(std::vector<double>& numbers) {
    const auto not_finite = [](double number) { return !std::isfinite(number); };
    numbers.erase(std::remove_if(numbers.begin(), numbers.end(), not_finite), numbers.end());
}

double mean_of(const std::vector<double>& numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

// Interpolated between order statistics as numpy.quantile does. Reorders the numbers.
double quantile(std::vector<double>& numbers, double level) {
    const double position = static_cast<double>(numbers.size() - 1) * level;
    const auto below = static_cast<std::ptrdiff_t>(position);
    const auto lower = numbers.begin() + below;
    std::nth_element(numbers.begin(), lower, numbers.end());
    if (lower + 1 == numbers.end()) return *lower;
    const double upper = *std::min_element(lower + 1, numbers.end());
    return *lower + (upper - *lower) * (position - static_cast<double>(below));
}

double there(Scale scale, double x) {
    if (scale == Scale::log) return std::log(x);
    return scale == Scale::plain ? x : x * x;
}

double back(Scale scale, double x) {
    if (scale == Scale::log) return std::exp(x);
    return scale == Scale::plain ? x : std::sqrt(std::max(x, 0.0));
}

double distance(const Judged& judged, double x) {
    return std::abs(judged.scale == Scale::log ? std::log(x) : x - judged.ideal);
}

}  // namespace

Interval interval(const Judged& judged, double estimate, std::vector<double>& replicates) {
    keep_finite(replicates);
    if (!std::isfinite(estimate) || replicates.size() < 2) return {kUndefined, kUndefined, kUndefined};
    const double mean = mean_of(replicates);
    double squares = 0.0;
    for (const double replicate : replicates) squares += (replicate - mean) * (replicate - mean);
    const double se = std::sqrt(squares / static_cast<double>(replicates.size() - 1));
    const double above = quantile(replicates, (1 + kLevel) / 2), below = quantile(replicates, (1 - kLevel) / 2);
    double low = below, high = above;
    if (judged.scale != Scale::log || std::min(below, estimate) > 0) {
        const double twice = 2 * there(judged.scale, estimate);
        low = back(judged.scale, twice - there(judged.scale, above));
        high = back(judged.scale, twice - there(judged.scale, below));
        if (judged.scale == Scale::folded) high = std::max(high, above);
    }
    low = std::clamp(low, judged.low, judged.high);
    high = std::clamp(high, judged.low, judged.high);
    return {se, std::min(low, estimate), std::max(high, estimate)};
}

Floor floor_of(std::vector<double>& between_people) {
    keep_finite(between_people);
    if (between_people.size() < 2) return {kUndefined, kUndefined};
    return {mean_of(between_people), quantile(between_people, kLevel)};
}

double p_value(const Judged& judged, double estimate, const std::vector<double>& permuted) {
    if (std::isnan(estimate)) return kUndefined;
    // Ties are ties, whatever the order in which shares were summed.
    const double extreme = distance(judged, estimate) * (1 - 1e-9) - 1e-12;
    size_t drawn = 0, as_far = 0;
    for (const double each : permuted) {
        if (std::isnan(each)) continue;
        ++drawn;
        as_far += distance(judged, each) >= extreme;
    }
    if (drawn < 2) return kUndefined;
    return static_cast<double>(1 + as_far) / static_cast<double>(1 + drawn);
}

}  // namespace simframe
