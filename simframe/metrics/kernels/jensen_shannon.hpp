// What one option adds to the Jensen-Shannon divergence.
#pragma once

#include <array>
#include <cstdint>

#include "lanes.hpp"
#include "logarithm.hpp"

namespace simframe {

// ((1 + r) log2(1 + r) + (1 - r) log2(1 - r)) / 2, as a power series, sum of r^2j / (j (2j - 1)) / (2 log 2): near 0,
// where replicates live, it is exact and quicker than logarithms.
inline double js_series(double square) {
    constexpr double two_log_two = 1.3862943611198906;
    constexpr auto coefficients = [] {
        std::array<double, 12> c{};
        for (size_t i = 0; i < c.size(); ++i) {
            const auto j = static_cast<double>(i + 1);
            c[i] = 1 / (j * (2 * j - 1) * two_log_two);
        }
        return c;
    }();
    double sum = 0.0;
    for (size_t i = coefficients.size(); i-- > 0;) sum = sum * square + coefficients[i];
    return sum * square;
}

template <size_t lanes>
inline Lanes<lanes> js_term(const Lanes<lanes>& p, const Lanes<lanes>& q) {
    // With the middle m = (p + q) / 2 and r = (p - q) / (p + q), the term is m times a function of r alone: none is
    // negative and nothing cancels, however alike the sides are.
    constexpr double near = 1.0 / 16;
    Lanes<lanes> r, term;
    for (size_t lane = 0; lane < lanes; ++lane) r[lane] = (p[lane] - q[lane]) / divisor(p[lane] + q[lane]);
    uint64_t far = 0;
    for (size_t lane = 0; lane < lanes; ++lane) far += r[lane] * r[lane] > near ? 1 : 0;
    for (size_t lane = 0; lane < lanes; ++lane) term[lane] = js_series(r[lane] * r[lane]);
    if (far > 0) {
        for (size_t lane = 0; lane < lanes; ++lane) {
            const double above = 1 + r[lane], below = 1 - r[lane];
            const double exact = (above * log2_of(above) + below * log2_of(below)) / 2;
            const double is_far = one_if(r[lane] * r[lane] > near);
            term[lane] = is_far * exact + (1 - is_far) * term[lane];
        }
    }
    for (size_t lane = 0; lane < lanes; ++lane) term[lane] *= (p[lane] + q[lane]) / 2;
    return term;
}

}  // namespace simframe
