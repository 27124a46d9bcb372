#include <algorithm>
#include <cmath>

#include "crosstab.hpp"
#include "logarithm.hpp"

namespace simframe {

Cells::Cells(const std::vector<double>& belief, const std::vector<double>& action) {
    const Groups by_belief(belief), by_action(action);
    beliefs = by_belief.count();
    actions = by_action.count();
    const auto before = [](const Cell& x, const Cell& y) {
        return x.belief != y.belief ? x.belief < y.belief : x.action < y.action;
    };
    const auto is = [&](size_t row) { return by_belief[row] != Groups::none && by_action[row] != Groups::none; };
    for (size_t row = 0; row < belief.size(); ++row) {
        if (is(row)) listed.push_back({by_belief[row], by_action[row]});
    }
    std::sort(listed.begin(), listed.end(), before);
    const auto same = [&](const Cell& x, const Cell& y) { return !before(x, y) && !before(y, x); };
    listed.erase(std::unique(listed.begin(), listed.end(), same), listed.end());
    for (size_t row = 0; row < belief.size(); ++row) {
        if (!is(row)) {
            of_row.push_back(Groups::none);
            continue;
        }
        const auto found = std::lower_bound(listed.begin(), listed.end(), Cell{by_belief[row], by_action[row]}, before);
        of_row.push_back(static_cast<size_t>(found - listed.begin()));
    }
}

template <size_t lanes>
SIMFRAME_WIDE void Crosstab<lanes>::read(const Column<lanes>& n) {
    p.assign(cells.listed.size(), Lanes<lanes>{});
    by_belief.assign(cells.beliefs, Lanes<lanes>{});
    by_action.assign(cells.actions, Lanes<lanes>{});
    total = {};
    const Lanes<lanes> all = totals_of<lanes>(n);
    for (size_t row = 0; row < n.size(); ++row) {
        if (cells.of_row[row] == Groups::none) continue;
        Lanes<lanes>& cell = p[cells.of_row[row]];
        for (size_t lane = 0; lane < lanes; ++lane) {
            const double count = all[lane] > 0 ? n[row][lane] : 0.0;
            cell[lane] += count;
            total[lane] += count;
        }
    }
    const auto whole = by_lane<lanes>([&](size_t lane) { return divisor(total[lane]); });
    for (size_t i = 0; i < p.size(); ++i) {
        Lanes<lanes>&b = by_belief[cells.listed[i].belief], &a = by_action[cells.listed[i].action];
        for (size_t lane = 0; lane < lanes; ++lane) {
            const double share = p[i][lane] / whole[lane];
            p[i][lane] = share;
            b[lane] += share;
            a[lane] += share;
        }
    }
}

std::optional<Crosstab<1>> crosstab(const Table& table) {
    Crosstab<1> read(Cells(table.columns[1], table.columns[2]));
    read.read(alone(table.columns[0]));
    return read.total[0] > 0 ? std::optional(std::move(read)) : std::nullopt;
}

namespace {

// Sums a term of (cell share, belief share, action share), which is 0 for cells that nobody chose.
template <size_t lanes, typename Term>
Lanes<lanes> over_cells(const Crosstab<lanes>& t, Term term) {
    const auto& cells = t.cells.listed;
    return over_rows_of<lanes>(cells.size(), [&](size_t i, size_t lane) {
        return term(t.p[i][lane], t.by_belief[cells[i].belief][lane], t.by_action[cells[i].action][lane]);
    });
}

std::optional<double> of_one(const Table& table, Lanes<1> (*metric)(const Crosstab<1>&)) {
    const auto t = crosstab(table);
    return t ? std::optional(metric(*t)[0]) : std::nullopt;
}

}  // namespace

template <size_t lanes>
Lanes<lanes> chosen(const Column<lanes>& shares) {
    return over_rows_of<lanes>(
        shares.size(), [&](size_t row, size_t lane) { return one_if(shares[row][lane] > 0); });
}

template <size_t lanes>
Lanes<lanes> phi_squared(const Crosstab<lanes>& t) {
    const auto among = over_cells(t, [](double p, double b, double a) {
        return one_if(p > 0) * ((p - b * a) * (p - b * a) / divisor(b * a));
    });
    // An empty cell contributes its expectation: together, what the chosen cells leave of one.
    const auto expected = over_cells(t, [](double p, double b, double a) { return one_if(p > 0) * (b * a); });
    const auto beliefs = chosen(t.by_belief), actions = chosen(t.by_action), cells = chosen(t.p);
    return by_lane<lanes>([&](size_t lane) {
        const bool empty = beliefs[lane] * actions[lane] > cells[lane];
        return among[lane] + (empty ? 1 - expected[lane] : 0.0);
    });
}

template <size_t lanes>
Lanes<lanes> information(const Crosstab<lanes>& t) {
    const auto bits = over_cells(t, [](double p, double b, double a) { return p * log2_of(p / b / a); });
    return by_lane<lanes>([&](size_t lane) { return std::max(bits[lane], 0.0); });
}

template <size_t lanes>
Guess<lanes> guess_of(const Crosstab<lanes>& t) {
    return {over_cells(t, [](double p, double b, double) { return p * p / divisor(b); }),
            over_rows_of<lanes>(t.by_action.size(), [&](size_t a, size_t lane) {
                return t.by_action[a][lane] * t.by_action[a][lane];
            })};
}

template <size_t lanes>
void centre_ranks(const Column<lanes>& shares, Column<lanes>& ranks) {
    ranks.resize(shares.size());
    Lanes<lanes> below{};
    for (size_t row = 0; row < shares.size(); ++row) {
        for (size_t lane = 0; lane < lanes; ++lane) {
            ranks[row][lane] = below[lane] + shares[row][lane] / 2 - 0.5;
            below[lane] += shares[row][lane];
        }
    }
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> cramers_v_of(const Crosstab<lanes>& t) {
    const auto beliefs = chosen(t.by_belief), actions = chosen(t.by_action), phi2 = phi_squared(t);
    return by_lane<lanes>([&](size_t lane) {
        const double freedom = std::min(beliefs[lane], actions[lane]) - 1;
        return freedom >= 1 ? std::sqrt(std::min(phi2[lane] / freedom, 1.0)) : kUndefined;
    });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> mutual_information_of(const Crosstab<lanes>& t) {
    const auto bits = information(t);
    return by_lane<lanes>([&](size_t lane) { return t.total[lane] > 0 ? bits[lane] : kUndefined; });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> goodman_kruskal_tau_of(const Crosstab<lanes>& t) {
    const auto actions = chosen(t.by_action);
    const auto guess = guess_of(t);
    return by_lane<lanes>([&](size_t lane) {
        const double at_large = guess.at_large[lane];
        const double tau = (guess.given_belief[lane] - at_large) / (1 - at_large);
        return actions[lane] >= 2 ? std::clamp(tau, 0.0, 1.0) : kUndefined;
    });
}

template <size_t lanes>
SIMFRAME_WIDE Lanes<lanes> spearman_of(const Crosstab<lanes>& t) {
    Column<lanes> x, y;
    centre_ranks(t.by_belief, x);
    centre_ranks(t.by_action, y);
    const auto& cells = t.cells.listed;
    const auto xy = over_rows_of<lanes>(cells.size(), [&](size_t i, size_t lane) {
        return t.p[i][lane] * x[cells[i].belief][lane] * y[cells[i].action][lane];
    });
    const auto variance = [](const Column<lanes>& shares, const Column<lanes>& ranks) {
        return over_rows_of<lanes>(shares.size(), [&](size_t row, size_t lane) {
            return shares[row][lane] * ranks[row][lane] * ranks[row][lane];
        });
    };
    const auto xx = variance(t.by_belief, x), yy = variance(t.by_action, y);
    const auto beliefs = chosen(t.by_belief), actions = chosen(t.by_action);
    return by_lane<lanes>([&](size_t lane) {
        const double r = xy[lane] / std::sqrt(xx[lane]) / std::sqrt(yy[lane]);
        return beliefs[lane] >= 2 && actions[lane] >= 2 ? std::clamp(r, -1.0, 1.0) : kUndefined;
    });
}

std::optional<double> cramers_v(const Table& table) { return of_one(table, cramers_v_of<1>); }

std::optional<double> mutual_information(const Table& table) { return of_one(table, mutual_information_of<1>); }

std::optional<double> goodman_kruskal_tau(const Table& table) { return of_one(table, goodman_kruskal_tau_of<1>); }

std::optional<double> spearman(const Table& table) { return of_one(table, spearman_of<1>); }

template struct Crosstab<1>;
template struct Crosstab<kLanes>;
template Lanes<1> chosen<1>(const Column<1>&);
template void centre_ranks<1>(const Column<1>&, Column<1>&);
template Lanes<1> phi_squared<1>(const Crosstab<1>&);
template Lanes<1> information<1>(const Crosstab<1>&);
template Guess<1> guess_of<1>(const Crosstab<1>&);
template Lanes<kLanes> cramers_v_of<kLanes>(const Crosstab<kLanes>&);
template Lanes<kLanes> mutual_information_of<kLanes>(const Crosstab<kLanes>&);
template Lanes<kLanes> goodman_kruskal_tau_of<kLanes>(const Crosstab<kLanes>&);
template Lanes<kLanes> spearman_of<kLanes>(const Crosstab<kLanes>&);

}  // namespace simframe
