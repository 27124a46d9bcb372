#include "measures.hpp"

#include <algorithm>
#include <cmath>

#include "jensen_shannon.hpp"
#include "logarithm.hpp"

namespace simframe {

namespace {

// p log2(p / q): 0 where p = 0, infinite where q = 0 < p.
double kl_term(double p, double q) { return p * log2_of(p / q); }

// Sums a term of (p, q) over the options.
template <size_t lanes, typename Term>
Lanes<lanes> over_options(const Comparison<lanes>& c, Term term) {
    return over_rows_of<lanes>(c.p.size(), [&](size_t k, size_t lane) { return term(c.p[k][lane], c.q[k][lane]); });
}

// Integrates cost(P - Q) over the scale.
template <size_t lanes, typename Cost>
Lanes<lanes> integrate(const Comparison<lanes>& c, Cost cost) {
    Lanes<lanes> gap{}, integral{};
    for (size_t k = 0; k + 1 < c.p.size(); ++k) {
        const double width = c.value[k + 1] - c.value[k];
        for (size_t lane = 0; lane < lanes; ++lane) {
            gap[lane] += c.p[k][lane] - c.q[k][lane];
            integral[lane] += cost(gap[lane]) * width;
        }
    }
    return integral;
}

template <size_t lanes>
Lanes<lanes> mean_of(const Column<lanes>& shares, const std::vector<double>& value) {
    return over_rows_of<lanes>(value.size(), [&](size_t k, size_t lane) { return shares[k][lane] * value[k]; });
}

// Population variance (ddof 0), taken about the mean.
template <size_t lanes>
Lanes<lanes> variance_of(const Column<lanes>& shares, const std::vector<double>& value) {
    const Lanes<lanes> mean = mean_of<lanes>(shares, value);
    return over_rows_of<lanes>(value.size(), [&](size_t k, size_t lane) {
        return shares[k][lane] * ((value[k] - mean[lane]) * (value[k] - mean[lane]));
    });
}

template <size_t lanes>
Lanes<lanes> largest_of(const Column<lanes>& shares) {
    Lanes<lanes> largest = shares[0];
    for (const Lanes<lanes>& share : shares) {
        for (size_t lane = 0; lane < lanes; ++lane) largest[lane] = std::max(largest[lane], share[lane]);
    }
    return largest;
}

double largest_of(const std::vector<double>& values) {
    double largest = 0.0;
    for (const double value : values) largest = std::max(largest, std::abs(value));
    return largest;
}

}  // namespace

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> entropy_of(const Column<lanes>& shares) {
    return over_rows_of<lanes>(
        shares.size(), [&](size_t k, size_t lane) { return -shares[k][lane] * log2_of(shares[k][lane]); });
}

double rounding_of(double largest) { return std::pow(1e-12 * largest, 2); }

bool beyond_rounding(double variance, const std::vector<double>& values) {
    return variance > rounding_of(largest_of(values));
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> total_variation(const Comparison<lanes>& c) {
    const auto sum = over_options(c, [](double p, double q) { return std::abs(p - q); });
    return by_lane<lanes>([&](size_t lane) { return std::min(sum[lane] / 2, 1.0); });
}

// Rounding never makes it negative.
template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> kl_divergence(const Comparison<lanes>& c) {
    const auto bits = over_options(c, [](double p, double q) { return kl_term(p, q); });
    return by_lane<lanes>([&](size_t lane) { return std::max(bits[lane], 0.0); });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> kl_smoothed(const Comparison<lanes>& c) {
    const double a = c.pseudocount, k_a = a * static_cast<double>(c.p.size()), n_h = c.n_h, n_s = c.n_s;
    const auto bits = over_options(
        c, [=](double p, double q) { return kl_term((n_h * p + a) / (n_h + k_a), (n_s * q + a) / (n_s + k_a)); });
    return by_lane<lanes>([&](size_t lane) { return std::max(bits[lane], 0.0); });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> js_divergence(const Comparison<lanes>& c) {
    Lanes<lanes> sum{};
    for (size_t k = 0; k < c.p.size(); ++k) {
        const Lanes<lanes> term = js_term<lanes>(c.p[k], c.q[k]);
        for (size_t lane = 0; lane < lanes; ++lane) sum[lane] += term[lane];
    }
    return by_lane<lanes>([&](size_t lane) { return std::min(sum[lane], 1.0); });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> js_distance(const Comparison<lanes>& c) {
    const auto divergence = js_divergence(c);
    return by_lane<lanes>([&](size_t lane) { return std::sqrt(divergence[lane]); });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> hellinger(const Comparison<lanes>& c) {
    const auto sum = over_options(c, [](double p, double q) {
        const double gap = std::sqrt(p) - std::sqrt(q);
        return gap * gap;
    });
    return by_lane<lanes>([&](size_t lane) { return std::sqrt(std::min(sum[lane] / 2, 1.0)); });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> entropy_ratio(const Comparison<lanes>& c) {
    const auto of_h = entropy_of<lanes>(c.p), of_s = entropy_of<lanes>(c.q);
    return by_lane<lanes>([&](size_t lane) { return of_h[lane] == 0 ? kUndefined : of_s[lane] / of_h[lane]; });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> modal_share_gap(const Comparison<lanes>& c) {
    const auto of_h = largest_of<lanes>(c.p), of_s = largest_of<lanes>(c.q);
    return by_lane<lanes>([&](size_t lane) { return of_s[lane] - of_h[lane]; });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> wasserstein(const Comparison<lanes>& c) {
    return integrate(c, [](double gap) { return std::abs(gap); });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> wasserstein_norm(const Comparison<lanes>& c) {
    const double width = c.value.back() - c.value.front();
    const auto distance = wasserstein(c);
    return by_lane<lanes>([&](size_t lane) { return width > 0 ? distance[lane] / width : kUndefined; });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> ks(const Comparison<lanes>& c) {
    Lanes<lanes> gap{}, largest{};
    for (size_t k = 0; k < c.p.size(); ++k) {
        // Tied values are one step of the distribution.
        const bool tied = k + 1 < c.value.size() && c.value[k] == c.value[k + 1];
        for (size_t lane = 0; lane < lanes; ++lane) {
            gap[lane] += c.p[k][lane] - c.q[k][lane];
            const double here = tied ? 0.0 : std::abs(gap[lane]);
            largest[lane] = here > largest[lane] ? here : largest[lane];
        }
    }
    return by_lane<lanes>([&](size_t lane) { return std::min(largest[lane], 1.0); });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> energy(const Comparison<lanes>& c) {
    const auto integral = integrate(c, [](double gap) { return gap * gap; });
    return by_lane<lanes>([&](size_t lane) { return std::sqrt(2 * integral[lane]); });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> mean_shift(const Comparison<lanes>& c) {
    return over_rows_of<lanes>(
        c.p.size(), [&](size_t k, size_t lane) { return (c.q[k][lane] - c.p[k][lane]) * c.value[k]; });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> variance_ratio(const Comparison<lanes>& c) {
    const double least = rounding_of(largest_of(c.value));
    const auto of_h = variance_h(c), of_s = variance_s(c);
    return by_lane<lanes>([&](size_t lane) { return of_h[lane] > least ? of_s[lane] / of_h[lane] : kUndefined; });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> sd_ratio(const Comparison<lanes>& c) {
    const auto ratio = variance_ratio(c);
    return by_lane<lanes>([&](size_t lane) { return std::sqrt(ratio[lane]); });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> mean_h(const Comparison<lanes>& c) { return mean_of<lanes>(c.p, c.value); }

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> mean_s(const Comparison<lanes>& c) { return mean_of<lanes>(c.q, c.value); }

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> variance_h(const Comparison<lanes>& c) { return variance_of<lanes>(c.p, c.value); }

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> variance_s(const Comparison<lanes>& c) { return variance_of<lanes>(c.q, c.value); }

#define SIMFRAME_INSTANTIATE(measure)                      \
    template Lanes<1> measure<1>(const Comparison<1>&); \
    template Lanes<kLanes> measure<kLanes>(const Comparison<kLanes>&);
SIMFRAME_INSTANTIATE(total_variation)
SIMFRAME_INSTANTIATE(kl_divergence)
SIMFRAME_INSTANTIATE(kl_smoothed)
SIMFRAME_INSTANTIATE(js_divergence)
SIMFRAME_INSTANTIATE(js_distance)
SIMFRAME_INSTANTIATE(hellinger)
SIMFRAME_INSTANTIATE(entropy_ratio)
SIMFRAME_INSTANTIATE(modal_share_gap)
SIMFRAME_INSTANTIATE(wasserstein)
SIMFRAME_INSTANTIATE(wasserstein_norm)
SIMFRAME_INSTANTIATE(ks)
SIMFRAME_INSTANTIATE(energy)
SIMFRAME_INSTANTIATE(mean_shift)
SIMFRAME_INSTANTIATE(variance_ratio)
SIMFRAME_INSTANTIATE(sd_ratio)
SIMFRAME_INSTANTIATE(mean_h)
SIMFRAME_INSTANTIATE(mean_s)
SIMFRAME_INSTANTIATE(variance_h)
SIMFRAME_INSTANTIATE(variance_s)
#undef SIMFRAME_INSTANTIATE
template Lanes<1> entropy_of<1>(const Column<1>&);
template Lanes<kLanes> entropy_of<kLanes>(const Column<kLanes>&);

}  // namespace simframe
