// A belief x action table of shares, as the coherence metrics read it.
#pragma once

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
};

// Columns n, belief, action. Empty where the counts are unusable or nobody gave both answers.
std::optional<Crosstab> crosstab(const Table& table);

}  // namespace simframe
