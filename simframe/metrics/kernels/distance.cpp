#include "distance.hpp"

#include <algorithm>
#include <cmath>

namespace simframe {

namespace {

double sort_and_weigh(Points& points) {
    std::sort(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    double total = 0.0;
    for (const auto& point : points) total += point.second;
    return total;
}

// Walks up the line over both samples and tells of every stretch without a value: F - G on it
// and its length, where F and G are the samples' distribution functions.
template <typename Visit>
void walk(Points& x, Points& y, Visit visit) {
    const double total_x = sort_and_weigh(x);
    const double total_y = sort_and_weigh(y);
    double weight_x = 0.0, weight_y = 0.0;
    size_t i = 0, j = 0;
    double here = std::min(x[0].first, y[0].first);
    while (i < x.size() || j < y.size()) {
        const bool from_x = j == y.size() || (i < x.size() && x[i].first <= y[j].first);
        const double next = from_x ? x[i].first : y[j].first;
        if (next > here) visit(weight_x / total_x - weight_y / total_y, next - here);
        here = next;
        if (from_x) {
            weight_x += x[i++].second;
        } else {
            weight_y += y[j++].second;
        }
    }
}

}  // namespace

double wasserstein(Points& x, Points& y) {
    double integral = 0.0;
    walk(x, y, [&](double gap, double length) { integral += std::abs(gap) * length; });
    return integral;
}

double energy_distance(Points& x, Points& y) {
    double integral = 0.0;
    walk(x, y, [&](double gap, double length) { integral += gap * gap * length; });
    return std::sqrt(2.0 * integral);
}

double ks(Points& x, Points& y) {
    double largest = 0.0;
    walk(x, y, [&](double gap, double) { largest = std::max(largest, std::abs(gap)); });
    return std::min(largest, 1.0);
}

}  // namespace simframe
