// A belief x action table of shares, as the coherence metrics read it; or several with the same cells, side by side.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "table.hpp"

namespace simframe {

struct Cell {
    size_t belief, action;
};

// Which cell every row counts in: what does not change from replicate to replicate. Sparse, because two items of
// thousands of values are legitimate.
struct Cells {
    Cells(const std::vector<double>& belief, const std::vector<double>& action);

    std::vector<Cell> listed;    // each once, belief by belief
    std::vector<size_t> of_row;  // Groups::none for rows without either
    size_t beliefs, actions;
};

// NaN where undefined: metrics of a table without anybody in it are.
template <size_t lanes>
struct Crosstab {
    explicit Crosstab(Cells where) : cells(std::move(where)) {}
    // Counts that are unusable count nobody.
    void read(const Column<lanes>& n);

    Cells cells;
    Column<lanes> p;  // a row a listed cell
    Column<lanes> by_belief, by_action;
    Lanes<lanes> total{};  // what the shares are of
};

// Columns n, belief, action. Empty where the counts are unusable or nobody gave both answers.
std::optional<Crosstab<1>> crosstab(const Table& table);

// Answers that somebody gave.
template <size_t lanes>
Lanes<lanes> chosen(const Column<lanes>& shares);

// Mid-ranks as shares of all, less their mean of one half.
template <size_t lanes>
void centre_ranks(const Column<lanes>& shares, Column<lanes>& ranks);

// Pearson's statistic over the number of respondents.
template <size_t lanes>
Lanes<lanes> phi_squared(const Crosstab<lanes>& table);

// Mutual information in bits.
template <size_t lanes>
Lanes<lanes> information(const Crosstab<lanes>& table);

// How often an action is guessed right when the guess is drawn in proportion to the shares.
template <size_t lanes>
struct Guess {
    Lanes<lanes> given_belief, at_large;
};
template <size_t lanes>
Guess<lanes> guess_of(const Crosstab<lanes>& table);

// The metrics of a table that is read already.
template <size_t lanes>
Lanes<lanes> cramers_v_of(const Crosstab<lanes>& table);
template <size_t lanes>
Lanes<lanes> mutual_information_of(const Crosstab<lanes>& table);
template <size_t lanes>
Lanes<lanes> goodman_kruskal_tau_of(const Crosstab<lanes>& table);
template <size_t lanes>
Lanes<lanes> spearman_of(const Crosstab<lanes>& table);
double polychoric_of(const Crosstab<1>& table);  // polychoric.cpp

}  // namespace simframe
