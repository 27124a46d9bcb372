#include <algorithm>
#include <cmath>
#include <numeric>

#include "table.hpp"

namespace simframe {

namespace {

// The difference of the two distribution functions, P - Q, right after each value in ascending order.
struct Steps {
    std::vector<double> gap;
    std::vector<double> value;  // empty where the rows' own order is the scale
};

std::optional<Steps> steps(const Table& table) {
    const auto p = shares_of(table.columns[0]), q = shares_of(table.columns[1]);
    if (!p || !q) return std::nullopt;
    std::vector<size_t> order(p->size());
    std::iota(order.begin(), order.end(), size_t{0});
    Steps result;
    if (table.columns.size() > 2) {
        const auto& value = table.columns[2];
        if (!all_finite(value)) return std::nullopt;
        std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return value[a] < value[b]; });
        for (const size_t row : order) result.value.push_back(value[row]);
    }
    double cumulative = 0.0;
    for (const size_t row : order) result.gap.push_back(cumulative += (*p)[row] - (*q)[row]);
    return result;
}

template <typename Cost>
double integrate(const Steps& steps, Cost cost) {
    double integral = 0.0;
    for (size_t k = 0; k + 1 < steps.gap.size(); ++k) {
        integral += cost(steps.gap[k]) * (steps.value[k + 1] - steps.value[k]);
    }
    return integral;
}

double moved(const Steps& steps) {
    return integrate(steps, [](double gap) { return std::abs(gap); });
}

}  // namespace

std::optional<double> wasserstein_of_counts(const Table& table) {
    const auto s = steps(table);
    return s ? std::optional(moved(*s)) : std::nullopt;
}

std::optional<double> wasserstein_norm(const Table& table) {
    const auto s = steps(table);
    if (!s || !(s->value.back() > s->value.front())) return std::nullopt;
    return moved(*s) / (s->value.back() - s->value.front());
}

std::optional<double> ks(const Table& table) {
    const auto s = steps(table);
    if (!s) return std::nullopt;
    double largest = 0.0;
    for (size_t k = 0; k < s->gap.size(); ++k) {
        // Tied values are one step of the distribution.
        const bool tied = k + 1 < s->value.size() && s->value[k] == s->value[k + 1];
        if (!tied) largest = std::max(largest, std::abs(s->gap[k]));
    }
    return std::min(largest, 1.0);
}

std::optional<double> energy(const Table& table) {
    const auto s = steps(table);
    if (!s) return std::nullopt;
    return std::sqrt(2 * integrate(*s, [](double gap) { return gap * gap; }));
}

std::optional<double> mean_shift(const Table& table) {
    const auto p = shares_of(table.columns[0]), q = shares_of(table.columns[1]);
    const auto& value = table.columns[2];
    if (!p || !q || !all_finite(value)) return std::nullopt;
    double shift = 0.0;
    for (size_t k = 0; k < value.size(); ++k) shift += ((*q)[k] - (*p)[k]) * value[k];
    return shift;
}

}  // namespace simframe
