// The logarithm that all formulas take: without branches or tables, so that one instruction serves several tables, and
// of plain arithmetic, so that every processor and C library gives the same bits.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

namespace simframe {

// log2(x) of x > 0, infinity among them, within 2 units in the last place; of 0 and NaN some finite number, so that
// 0 log 0, and 0 log (0 / 0), are 0 without a choice.
//
// x = 2^e m with m in [sqrt(1/2), sqrt(2)), and f = m - 1 is exact. The natural logarithm of m is 2 atanh(s) with
// s = f / (2 + f), where 2 s is f - s f and the rest a series in s^2 < 0.0295: after the last term below there is
// nothing that a double could hold.
inline double log2_of(double x) {
    constexpr double log2_e = 1.4426950408889634;
    constexpr uint64_t root = 0x3fe6a09e667f3bcd, mantissa = 0x000fffffffffffff;  // sqrt(1/2); 52 bits
    constexpr uint64_t bias = 0x3ff0000000000000, whole = 0x4330000000000000;     // 2^0; 2^52, whose last bit counts 1
    constexpr double least = std::numeric_limits<double>::min();
    // A number below all normal ones is scaled up by 2^54.
    const double scaled_up = x * 18014398509481984.0;
    const double normal = x < least ? scaled_up : x;
    const double exponent_of_one = x < least ? 4503599627370496.0 + 1023 + 54 : 4503599627370496.0 + 1023;
    uint64_t bits;
    std::memcpy(&bits, &normal, sizeof bits);
    const uint64_t above_root = bits - root;
    const uint64_t exponent_bits = ((above_root + bias) >> 52) | whole, m_bits = (above_root & mantissa) + root;
    double exponent, m;
    std::memcpy(&exponent, &exponent_bits, sizeof exponent);
    std::memcpy(&m, &m_bits, sizeof m);
    const double f = m - 1, s = f / (m + 1), z = s * s;
    double series = 2.0 / 21;
    series = series * z + 2.0 / 19;
    series = series * z + 2.0 / 17;
    series = series * z + 2.0 / 15;
    series = series * z + 2.0 / 13;
    series = series * z + 2.0 / 11;
    series = series * z + 2.0 / 9;
    series = series * z + 2.0 / 7;
    series = series * z + 2.0 / 5;
    series = series * z + 2.0 / 3;
    const double natural = f - s * (f - series * z);
    const double found = (exponent - exponent_of_one) + natural * log2_e;
    return x > std::numeric_limits<double>::max() ? x : found;
}

}  // namespace simframe
