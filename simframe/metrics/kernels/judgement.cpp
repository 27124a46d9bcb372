#include "judgement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

namespace simframe {

namespace {

struct Moments {
    double mean, variance;
};

// On squares where `power` is 2. NaN is left out.
Moments moments(const std::vector<double>& drawn, int power = 1) {
    double sum = 0.0, squares = 0.0, count = 0.0;
    const auto on_scale = [power](double x) { return power == 2 ? x * x : x; };
    for (const double x : drawn) {
        if (std::isnan(x)) continue;
        sum += on_scale(x);
        count += 1;
    }
    const double mean = sum / count;
    for (const double x : drawn) {
        if (!std::isnan(x)) squares += (on_scale(x) - mean) * (on_scale(x) - mean);
    }
    return {mean, squares / count};
}

size_t numbers_in(const std::vector<double>& drawn) {
    return static_cast<size_t>(std::count_if(drawn.begin(), drawn.end(), [](double x) { return !std::isnan(x); }));
}

void drop_missing(std::vector<double>& drawn) {
    drawn.erase(std::remove_if(drawn.begin(), drawn.end(), [](double x) { return std::isnan(x); }), drawn.end());
}

// Interpolated between order statistics as numpy.quantile does. Reorders the numbers.
double quantile(std::vector<double>& numbers, double level) {
    const double position = static_cast<double>(numbers.size() - 1) * level;
    const auto below = static_cast<std::ptrdiff_t>(position);
    const auto lower = numbers.begin() + below;
    std::nth_element(numbers.begin(), lower, numbers.end());
    if (lower + 1 == numbers.end()) return *lower;
    const double upper = *std::min_element(lower + 1, numbers.end()), part = position - static_cast<double>(below);
    return part == 0 || upper == *lower ? *lower : *lower + (upper - *lower) * part;
}

double normal_cdf(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

// Distribution function of a noncentral chi-squared variable in Sankaran's closed form (1963).
double noncentral_cdf(double x, double df, double noncentrality) {
    const double mean = df + noncentrality, twice = df + 2 * noncentrality, thrice = df + 3 * noncentrality;
    const double h = 1 - 2.0 / 3 * mean * thrice / (twice * twice), p = twice / (mean * mean);
    const double m = (h - 1) * (1 - 3 * h);
    const double z = std::pow(x / mean, h) - (1 + h * p * (h - 1 - (2 - h) * m * p / 2));
    return normal_cdf(z / (h * std::sqrt(2 * p) * (1 + m * p / 2)));
}

// Inverts tests of every true divergence; simframe/inference/judging/laws.py derives it.
std::pair<double, double> noncentral(double seen, Moments here, Moments null, double reach) {
    const double bias = here.mean - seen;
    seen = std::max(seen, 1e-14);
    const auto chance = [&](double d) {
        const double part = std::min(d / seen, 1.0);
        const double b = std::max(part * bias + (1 - part) * null.mean, 1e-4 * seen);
        const double v = std::max(part * here.variance + (1 - part) * null.variance, 1e-30);
        const double a = v / (2 * b + 4 * std::min(d, seen));
        return noncentral_cdf(seen / a, b / a, d / a);
    };
    const double furthest = seen + 10 * std::sqrt(std::max(here.variance, null.variance)) + 10 * std::abs(null.mean);
    const double tail = normal_cdf(-reach), nothing = chance(0);
    const auto falls_to = [&](double share) {
        double low = 0.0, high = furthest;
        for (int step = 0; step < 32; ++step) {
            const double middle = (low + high) / 2;
            (chance(middle) > share ? low : high) = middle;
        }
        return nothing <= share ? 0.0 : (low + high) / 2;
    };
    return {falls_to(1 - tail), falls_to(tail)};
}

double distance(const Judged& judged, double x) {
    return std::abs(judged.scale == Scale::log ? std::log(x) : x - judged.ideal);
}

}  // namespace

double student(double df) {
    constexpr double share = 1 - kLevel, pi = 3.14159265358979323846;
    const double n = std::max(df, 1.0);
    if (n == 1) return std::cos(share * pi / 2) / std::sin(share * pi / 2);
    if (n == 2) return std::sqrt(2 / (share * (2 - share)) - 2);
    const double a = 1 / (n - 0.5), b = 48 / (a * a);
    double c = ((20700 * a / b - 98) * a - 16) * a + 96.36;
    const double d = ((94.5 / (b + c) - 3) / b + 1) * std::sqrt(a * pi / 2) * n;
    double y = std::pow(d * share, 2 / n);
    if (y > 0.05 + a) {
        const double x = -1.959963984540054;
        y = x * x;
        if (n < 5) c += 0.3 * (n - 4.5) * (x + 0.6);
        c += (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b;
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
        y = std::expm1(a * y * y);
    } else {
        y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (n + 2) +
            1 / y;
    }
    return std::sqrt(n * y);
}

Interval interval(const Judged& judged, double estimate, const Replicated& drawn, double n_h, double n_s) {
    const auto& bootstrap = drawn.bootstrap;
    const auto infinite = [](double x) { return std::isinf(x); };
    const size_t count = numbers_in(bootstrap);
    if (!std::isfinite(estimate) || count < 2 || std::any_of(bootstrap.begin(), bootstrap.end(), infinite)) {
        return {kUndefined, kUndefined, kUndefined};
    }
    const Moments here = moments(bootstrap);
    const double se = std::sqrt(here.variance * static_cast<double>(count) / static_cast<double>(count - 1));
    const double reach = student(n_h + n_s - 2);
    double low = estimate - reach * std::sqrt(here.variance), high = estimate + reach * std::sqrt(here.variance);
    if (judged.scale == Scale::noncentral || judged.scale == Scale::square) {
        if (std::any_of(drawn.null.begin(), drawn.null.end(), infinite)) return {se, kUndefined, kUndefined};
        const int power = judged.scale == Scale::square ? 2 : 1;
        const double seen = power == 2 ? estimate * estimate : estimate;
        std::tie(low, high) = noncentral(seen, moments(bootstrap, power), moments(drawn.null, power), reach);
        if (power == 2) {
            low = std::sqrt(low);
            high = std::sqrt(high);
        }
    } else if (judged.scale == Scale::log) {
        std::vector<double> known(bootstrap);
        drop_missing(known);
        const double below = quantile(known, (1 - kLevel) / 2), above = quantile(known, (1 + kLevel) / 2);
        if (std::min(below, estimate) <= 0) {
            low = below;
            high = above;
        } else {
            std::transform(known.begin(), known.end(), known.begin(), [](double x) { return x > 0 ? std::log(x) : kUndefined; });
            const double half = reach * std::sqrt(moments(known).variance);
            low = estimate * std::exp(-half);
            high = estimate * std::exp(half);
        }
    }
    low = std::clamp(low, judged.low, judged.high);
    high = std::clamp(high, judged.low, judged.high);
    return {se, std::min(low, estimate), std::max(high, estimate)};
}

Floor floor_of(const Judged& judged, Replicated& drawn) {
    auto& between_people = drawn.floor;
    drop_missing(between_people);
    if (between_people.size() < 2) return {kUndefined, kUndefined};
    double scale = 1.0;
    if (judged.scale == Scale::noncentral || judged.scale == Scale::square) {
        const double ratio = moments(drawn.halves).mean / moments(drawn.half_samples).mean;
        if (std::isfinite(ratio) && ratio > 0) scale = ratio;
    }
    // Ratios have a median where they have no mean.
    const bool ratio_of_sides = judged.scale == Scale::log;
    const double middle = (ratio_of_sides ? quantile(between_people, 0.5) : moments(between_people).mean) * scale;
    const double q95 = quantile(between_people, kLevel) * scale;
    return {std::isfinite(middle) ? middle : kUndefined, std::isfinite(q95) ? q95 : kUndefined};
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
