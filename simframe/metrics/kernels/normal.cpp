#include "normal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace simframe {

namespace {

constexpr double kTwoPi = 6.283185307179586, kRootTwo = 1.4142135623730951, kRootTwoPi = 2.5066282746310002;

// Half of a symmetric Gauss-Legendre rule on (-1, 1).
struct Rule {
    size_t size;
    std::array<double, 10> weight, node;
};

constexpr Rule kSix = {3,
                       {0.1713244923791705, 0.3607615730481384, 0.4679139345726904},
                       {0.9324695142031522, 0.6612093864662647, 0.2386191860831970}};
constexpr Rule kTwelve = {6,
                          {0.04717533638651177, 0.1069393259953183, 0.1600783285433464, 0.2031674267230659,
                           0.2334925365383547, 0.2491470458134029},
                          {0.9815606342467191, 0.9041172563704750, 0.7699026741943050, 0.5873179542866171,
                           0.3678314989981802, 0.1252334085114692}};
constexpr Rule kTwenty = {10,
                          {0.01761400713915212, 0.04060142980038694, 0.06267204833410906, 0.08327674157670475,
                           0.1019301198172404, 0.1181945319615184, 0.1316886384491766, 0.1420961093183821,
                           0.1491729864726037, 0.1527533871307259},
                          {0.9931285991850949, 0.9639719272779138, 0.9122344282513259, 0.8391169718222188,
                           0.7463319064601508, 0.6360536807265150, 0.5108670019508271, 0.3737060887154196,
                           0.2277858511416451, 0.07652652113349733}};

template <typename Integrand>
double integrate(const Rule& rule, Integrand integrand) {
    double sum = 0.0;
    for (size_t i = 0; i < rule.size; ++i) {
        sum += rule.weight[i] * (integrand(1 - rule.node[i]) + integrand(1 + rule.node[i]));
    }
    return sum;
}

// P(X > h, Y > k), |rho| < 0.925: Drezner and Wesolowsky's integral over the angle.
double upper_moderate(double h, double k, double rho) {
    const double half_squares = (h * h + k * k) / 2, product = h * k, angle = std::asin(rho) / 2;
    const Rule& rule = std::abs(rho) < 0.3 ? kSix : std::abs(rho) < 0.75 ? kTwelve : kTwenty;
    const double sum = integrate(rule, [&](double x) {
        const double sine = std::sin(angle * x);
        return std::exp((sine * product - half_squares) / (1 - sine * sine));
    });
    return sum * angle / kTwoPi + normal_cdf(-h) * normal_cdf(-k);
}

// The same for 0.925 <= |rho| < 1: Genz's expansion about a correlation of one.
double upper_strong(double h, double k, double rho) {
    if (rho < 0) k = -k;
    const double product = h * k, rest = 1 - rho * rho, gap = (h - k) * (h - k);
    const double c = (4 - product) / 8, d = (12 - product) / 80;
    double a = std::sqrt(rest), sum = 0.0;
    const double exponent = -(gap / rest + product) / 2;
    if (exponent > -100) {
        sum = a * std::exp(exponent) * (1 - c * (gap - rest) * (1 - d * gap) / 3 + c * d * rest * rest);
    }
    if (product > -100) {
        const double b = std::abs(h - k);
        sum -= std::exp(-product / 2) * kRootTwoPi * normal_cdf(-b / a) * b * (1 - c * gap * (1 - d * gap) / 3);
    }
    a /= 2;
    const double integral = integrate(kTwenty, [&](double x) {
        const double square = a * x * a * x, power = -(gap / square + product) / 2;
        if (power <= -100) return 0.0;
        const double root = std::sqrt(1 - square);
        const double exact = std::exp(-product / 2 * square / ((1 + root) * (1 + root))) / root;
        return std::exp(power) * (1 + c * square * (1 + 5 * d * square) - exact);
    });
    sum = (a * integral - sum) / kTwoPi;
    if (rho > 0) return sum + normal_cdf(-std::max(h, k));
    if (h >= k) return -sum;
    return (h < 0 ? normal_cdf(k) - normal_cdf(h) : normal_cdf(-h) - normal_cdf(-k)) - sum;
}

}  // namespace

double normal_cdf(double x) { return std::erfc(-x / kRootTwo) / 2; }

double normal_quantile(double p) {
    // Hastings' approximation (Abramowitz and Stegun 26.2.23) is within 5e-4; Halley's steps triple its digits.
    const double tail = std::min(p, 1 - p), t = std::sqrt(-2 * std::log(tail));
    double x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
    for (int step = 0; step < 3; ++step) {
        const double error = (normal_cdf(x) - tail) * kRootTwoPi * std::exp(x * x / 2);
        x -= error / (1 + x * error / 2);
    }
    return p < 0.5 ? x : -x;
}

// Genz 2004, Numerical computation of rectangular bivariate and trivariate normal and t probabilities.
double bivariate_normal_cdf(double x, double y, double rho) {
    const double upper = std::abs(rho) < 0.925 ? upper_moderate(-x, -y, rho) : upper_strong(-x, -y, rho);
    return std::clamp(upper, 0.0, 1.0);
}

double bivariate_normal_density(double x, double y, double rho) {
    const double rest = (1 - rho) * (1 + rho);
    return std::exp(-(x * x - 2 * rho * x * y + y * y) / (2 * rest)) / (kTwoPi * std::sqrt(rest));
}

}  // namespace simframe
