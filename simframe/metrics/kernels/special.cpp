#include "special.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace simframe {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr int kMostTerms = 1'000'000;

// log(1 + u) - u without the cancellation near 0.
double log1p_minus(double u) {
    if (std::abs(u) > 0.2) return std::log1p(u) - u;
    double power = u * u, sum = -power / 2;
    for (int k = 3; k < 60; ++k) {
        power *= -u;
        const double term = -power / k;
        sum += term;
        if (std::abs(term) < kEpsilon * std::abs(sum)) break;
    }
    return sum;
}

// x^a e^-x / Gamma(a). Large a goes through Stirling's series: the plain logarithms would cancel.
double gamma_density(double a, double x) {
    if (a < 20.0) return std::exp(a * std::log(x) - x) / std::tgamma(a);
    const double b = 1 / (a * a);
    const double stirling = (1.0 / 12 - b * (1.0 / 360 - b * (1.0 / 1260 - b * (1.0 / 1680 - b / 1188)))) / a;
    constexpr double kTwoPi = 6.283185307179586;
    return std::sqrt(a / kTwoPi) * std::exp(a * log1p_minus((x - a) / a) - stirling);
}

// Q(a, x) = Gamma(a, x) / Gamma(a): the power series below the mean, Lentz's continued fraction above it.
double gamma_q(double a, double x) {
    const double density = gamma_density(a, x);
    if (density == 0.0) return x < a ? 1.0 : 0.0;
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int n = 1; n < kMostTerms; ++n) {
            term *= x / (a + n);
            sum += term;
            if (term < kEpsilon * sum) return 1 - density * sum;
        }
    } else {
        double b = x + 1 - a, c = 1 / std::numeric_limits<double>::min(), d = 1 / b, fraction = d;
        for (int n = 1; n < kMostTerms; ++n) {
            const double coefficient = -n * (n - a);
            b += 2;
            d = 1 / (coefficient * d + b);
            c = b + coefficient / c;
            fraction *= d * c;
            if (std::abs(d * c - 1) < 2 * kEpsilon) return density * fraction;
        }
    }
    throw std::runtime_error("the chi-squared tail did not converge");
}

}  // namespace

double chi2_sf(double statistic, double df) {
    if (statistic == 0.0) return 1.0;
    if (df == 0.0 || std::isinf(statistic)) return 0.0;
    return gamma_q(df / 2, statistic / 2);
}

double rarefied(const std::vector<double>& sizes, double m) {
    double n = 0.0;
    for (const double size : sizes) n += size;
    double expected = 0.0;
    for (const double size : sizes) {
        // C(n - size, m) / C(n, m) as a product over the smaller of the two: exact where log-gammas would cancel.
        const double fewer = std::min(size, m), more = std::max(size, m);
        double missed = 1.0;
        for (double i = 0; i < fewer && missed > kEpsilon / 4; ++i) missed *= (n - more - i) / (n - i);
        expected += 1 - std::max(missed, 0.0);
    }
    return expected;
}

}  // namespace simframe
