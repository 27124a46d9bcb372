// A belief x action table of shares, as the coherence metrics read it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "table.hpp"

namespace simframe {

struct Cell {
    size_t belief, action;
    double p;
};

// A crosstab of shares: its listed cells, each (belief, action) pair once, rows without either set aside.
// Sparse, because two items of thousands of values are legitimate.
struct Crosstab {
    std::vector<Cell> cells;
    std::vector<double> by_belief, by_action;
    double total = 0.0;  // what the shares are of
};

// Columns n, belief, action. Empty where the counts are unusable or nobody gave both answers.
std::optional<Crosstab> crosstab(const Table& table);

// Answers that somebody gave.
std::ptrdiff_t chosen(const std::vector<double>& shares);

// Mid-ranks as shares of all, less their mean of one half.
std::vector<double> centred_ranks(const std::vector<double>& shares);

// Pearson's statistic over the number of respondents.
double phi_squared(const Crosstab& table);

// Mutual information in bits.
double information(const Crosstab& table);

// How often an action is guessed right when the guess is drawn in proportion to the shares.
struct Guess {
    double given_belief, at_large;
};
Guess guess_of(const Crosstab& table);

// The metrics of a table that is read already.
std::optional<double> cramers_v_of(const Crosstab& table);
std::optional<double> mutual_information_of(const Crosstab& table);
std::optional<double> goodman_kruskal_tau_of(const Crosstab& table);

}  // namespace simframe
