#include <algorithm>
#include <cmath>

#include "crosstab.hpp"

namespace simframe {

std::optional<Crosstab> crosstab(const Table& table) {
    const auto& n = table.columns[0];
    if (!total_of(n)) return std::nullopt;
    const Groups belief(table.columns[1]), action(table.columns[2]);
    Crosstab t{{}, std::vector<double>(belief.count(), 0.0), std::vector<double>(action.count(), 0.0)};
    t.cells.reserve(n.size());
    for (size_t row = 0; row < n.size(); ++row) {
        if (n[row] > 0 && belief[row] != Groups::none && action[row] != Groups::none) {
            t.cells.push_back({belief[row], action[row], n[row]});
            t.total += n[row];
        }
    }
    if (!(t.total > 0)) return std::nullopt;
    const auto before = [](const Cell& x, const Cell& y) {
        return x.belief != y.belief ? x.belief < y.belief : x.action < y.action;
    };
    // Replicates come in order.
    if (!std::is_sorted(t.cells.begin(), t.cells.end(), before)) std::sort(t.cells.begin(), t.cells.end(), before);
    size_t last = 0;
    for (size_t i = 1; i < t.cells.size(); ++i) {
        if (t.cells[i].belief == t.cells[last].belief && t.cells[i].action == t.cells[last].action) {
            t.cells[last].p += t.cells[i].p;
        } else {
            t.cells[++last] = t.cells[i];
        }
    }
    t.cells.resize(last + 1);
    for (Cell& cell : t.cells) {
        cell.p /= t.total;
        t.by_belief[cell.belief] += cell.p;
        t.by_action[cell.action] += cell.p;
    }
    return t;
}

namespace {

// Sums a term of (cell share, belief share, action share) over the cells that anyone chose.
template <typename Term>
double sum_cells(const Crosstab& t, Term term) {
    double sum = 0.0;
    for (const Cell& cell : t.cells) sum += term(cell.p, t.by_belief[cell.belief], t.by_action[cell.action]);
    return sum;
}

}  // namespace

std::ptrdiff_t chosen(const std::vector<double>& shares) {
    return std::count_if(shares.begin(), shares.end(), [](double share) { return share > 0; });
}

double phi_squared(const Crosstab& t) {
    double phi2 = sum_cells(t, [](double p, double b, double a) { return std::pow(p - b * a, 2) / (b * a); });
    // An empty cell contributes its expectation: together, what the chosen cells leave of one.
    if (static_cast<size_t>(chosen(t.by_belief)) * static_cast<size_t>(chosen(t.by_action)) > t.cells.size()) {
        phi2 += 1 - sum_cells(t, [](double, double b, double a) { return b * a; });
    }
    return phi2;
}

double information(const Crosstab& t) {
    return std::max(sum_cells(t, [](double p, double b, double a) { return p * std::log2(p / b / a); }), 0.0);
}

Guess guess_of(const Crosstab& t) {
    Guess guess{sum_cells(t, [](double p, double b, double) { return p * p / b; }), 0.0};
    for (const double share : t.by_action) guess.at_large += share * share;
    return guess;
}

std::vector<double> centred_ranks(const std::vector<double>& shares) {
    std::vector<double> ranks;
    double below = 0.0;
    for (const double share : shares) {
        ranks.push_back(below + share / 2 - 0.5);
        below += share;
    }
    return ranks;
}

namespace {

struct Conditional {
    double divergence, coverage;
};

std::optional<Conditional> conditional(const Table& table) {
    const Groups belief(table.columns[2]);
    const auto& h = table.columns[0];
    const auto& s = table.columns[1];
    if (!total_of(h) || !total_of(s)) return std::nullopt;
    const auto by_h = belief.sums(h), by_s = belief.sums(s);
    const auto total = total_of(by_h);
    if (!total) return std::nullopt;
    std::vector<Shares> p(belief.count()), q(belief.count());
    for (size_t row = 0; row < h.size(); ++row) {
        const size_t b = belief[row];
        if (b == Groups::none || !(by_h[b] > 0 && by_s[b] > 0)) continue;
        p[b].push_back(h[row] / by_h[b]);
        q[b].push_back(s[row] / by_s[b]);
    }
    Conditional result{0.0, 0.0};
    for (size_t b = 0; b < belief.count(); ++b) {
        if (p[b].empty()) continue;
        result.divergence += by_h[b] / *total * js_of(p[b], q[b]);
        result.coverage += by_h[b] / *total;
    }
    return result;
}

}  // namespace

std::optional<double> cramers_v_of(const Crosstab& t) {
    const auto freedom = std::min(chosen(t.by_belief), chosen(t.by_action)) - 1;
    if (freedom < 1) return std::nullopt;
    return std::sqrt(std::min(phi_squared(t) / static_cast<double>(freedom), 1.0));
}

std::optional<double> mutual_information_of(const Crosstab& t) { return information(t); }

std::optional<double> goodman_kruskal_tau_of(const Crosstab& t) {
    if (chosen(t.by_action) < 2) return std::nullopt;
    const Guess guess = guess_of(t);
    return std::clamp((guess.given_belief - guess.at_large) / (1 - guess.at_large), 0.0, 1.0);
}

std::optional<double> cramers_v(const Table& table) {
    const auto t = crosstab(table);
    return t ? cramers_v_of(*t) : std::nullopt;
}

std::optional<double> mutual_information(const Table& table) {
    const auto t = crosstab(table);
    return t ? mutual_information_of(*t) : std::nullopt;
}

std::optional<double> goodman_kruskal_tau(const Table& table) {
    const auto t = crosstab(table);
    return t ? goodman_kruskal_tau_of(*t) : std::nullopt;
}

std::optional<double> spearman(const Table& table) {
    const auto t = crosstab(table);
    if (!t || chosen(t->by_belief) < 2 || chosen(t->by_action) < 2) return std::nullopt;
    const auto x = centred_ranks(t->by_belief), y = centred_ranks(t->by_action);
    double xy = 0.0, xx = 0.0, yy = 0.0;
    for (const Cell& cell : t->cells) xy += cell.p * x[cell.belief] * y[cell.action];
    for (size_t b = 0; b < x.size(); ++b) xx += t->by_belief[b] * x[b] * x[b];
    for (size_t a = 0; a < y.size(); ++a) yy += t->by_action[a] * y[a] * y[a];
    return std::clamp(xy / std::sqrt(xx) / std::sqrt(yy), -1.0, 1.0);
}

std::optional<double> conditional_js(const Table& table) {
    const auto c = conditional(table);
    if (!c || !(c->coverage > 0)) return std::nullopt;
    return c->divergence;
}

std::optional<double> conditional_js_coverage(const Table& table) {
    const auto c = conditional(table);
    return c ? std::optional(std::min(c->coverage, 1.0)) : std::nullopt;
}

}  // namespace simframe
