#include <algorithm>
#include <cmath>

#include "crosstab.hpp"
#include "normal.hpp"

namespace simframe {

namespace {

constexpr double kLimit = 1 - 1e-9;      // beyond it, a likelihood that still rises does so up to one
constexpr double kImpossible = 1e-14;    // a probability below the accuracy of differences of the integral
constexpr double kAccuracy = 1e-12;

// Thresholds between neighbouring answers that somebody gave, and each answer's place among them.
struct Margin {
    std::vector<double> threshold;
    std::vector<size_t> place;

    explicit Margin(const Column<1>& shares) {
        double below = 0.0;
        for (const auto& [share] : shares) {
            if (share > 0 && below > 0) threshold.push_back(normal_quantile(std::min(below, 1 - 1e-16)));
            place.push_back(threshold.size());
            below += share;
        }
    }
};

// The likelihood of a correlation, the thresholds given.
class Likelihood {
  public:
    explicit Likelihood(const Crosstab<1>& table) : belief_(table.by_belief), action_(table.by_action) {
        for (size_t i = 0; i < table.p.size(); ++i) {
            const auto& [belief, action] = table.cells.listed[i];
            if (table.p[i][0] > 0) chosen_.push_back({belief_.place[belief], action_.place[action], table.p[i][0]});
        }
    }

    bool degenerate() const { return belief_.threshold.empty() || action_.threshold.empty(); }

    struct Point {
        double log_likelihood, slope;
    };

    Point at(double rho) const {
        Point point{0.0, 0.0};
        const size_t width = action_.threshold.size() + 1;
        // Neighbouring cells share corners; a sparse table has few neighbours, so there the corners are not kept.
        std::vector<Corner> corners;
        const bool dense = (belief_.threshold.size() + 1) * width <= 4 * chosen_.size();
        if (dense) {
            for (size_t b = 0; b < belief_.threshold.size() + 1; ++b) {
                for (size_t a = 0; a < width; ++a) corners.push_back(corner(b, a, rho));
            }
        }
        for (const auto& [b, a, p] : chosen_) {
            Corner sum{0.0, 0.0};
            const auto add = [&](size_t i, size_t j, double sign) {
                const Corner c = dense ? corners[i * width + j] : corner(i, j, rho);
                sum.probability += sign * c.probability;
                sum.slope += sign * c.slope;
            };
            add(b, a, 1);
            if (b > 0) add(b - 1, a, -1);
            if (a > 0) add(b, a - 1, -1);
            if (a > 0 && b > 0) add(b - 1, a - 1, 1);
            if (sum.probability < kImpossible) return {-INFINITY, rho > 0 ? -INFINITY : INFINITY};
            point.log_likelihood += p * std::log(sum.probability);
            point.slope += p * sum.slope / sum.probability;
        }
        return point;
    }

  private:
    struct Corner {
        double probability, slope;
    };

    // P(X <= threshold b, Y <= threshold a), the last threshold being infinite.
    Corner corner(size_t b, size_t a, double rho) const {
        const bool all_b = b == belief_.threshold.size(), all_a = a == action_.threshold.size();
        if (all_a || all_b) {
            return {all_a && all_b ? 1.0 : normal_cdf(all_a ? belief_.threshold[b] : action_.threshold[a]), 0.0};
        }
        const double x = belief_.threshold[b], y = action_.threshold[a];
        return {bivariate_normal_cdf(x, y, rho), bivariate_normal_density(x, y, rho)};
    }

    struct Chosen {
        size_t belief, action;  // their places
        double p;
    };
    Margin belief_, action_;
    std::vector<Chosen> chosen_;
};

}  // namespace

// Olsson 1979, the two-step estimator: thresholds from the margins, then the correlation by maximum likelihood.
double polychoric_of(const Crosstab<1>& t) {
    const Likelihood likelihood(t);
    if (likelihood.degenerate()) return kUndefined;
    // The best of a grid, denser towards the ends, lies beside the maximum; between its neighbours the slope tells
    // which way to go.
    constexpr int steps = 12;
    const auto grid = [](int step) { return kLimit * std::sin(1.5707963267948966 * step / steps); };
    int best = 0;
    double highest = -INFINITY;
    for (int step = 1 - steps; step < steps; ++step) {
        const double here = likelihood.at(grid(step)).log_likelihood;
        if (here > highest) {
            highest = here;
            best = step;
        }
    }
    double low = grid(best - 1), high = grid(best + 1);
    while (high - low > kAccuracy) {
        const double middle = (low + high) / 2;
        const double slope = likelihood.at(middle).slope;
        // Where the slope has vanished in rounding, the likelihood is flat up to the nearer end.
        (slope > 0 || (slope == 0 && middle > 0) ? low : high) = middle;
    }
    const double rho = (low + high) / 2;
    return std::abs(rho) > kLimit - 1e-10 ? std::copysign(1.0, rho) : rho;
}

std::optional<double> polychoric(const Table& table) {
    const auto t = crosstab(table);
    return t ? std::optional(polychoric_of(*t)) : std::nullopt;
}

}  // namespace simframe
