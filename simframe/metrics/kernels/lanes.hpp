// Tables side by side: a formula is stated for a number of tables at once, and one instruction serves several of them.
// Within a table sums keep their order, so a figure is the same bit for bit whatever tables stand beside it: a formula
// in one lane serves the Polars expressions, and the very same in kLanes lanes the replicates of an evaluation.
//
// There are no branches on what stands in a lane: each would go its own way. Formulas are stated so that nobody's
// share adds nothing.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <vector>

// A function that is compiled for wider vectors too, with all that it calls; which of the two runs is settled when the
// library is loaded. The numbers are the same: arithmetic lane by lane, nothing fused (CMakeLists.txt).
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__) && \
    !defined(__SANITIZE_ADDRESS__)
#define SIMFRAME_WIDE __attribute__((target_clones("avx2", "default"), flatten))
#else
#define SIMFRAME_WIDE
#endif

namespace simframe {

constexpr size_t kLanes = 32;
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

template <size_t lanes>
using Lanes = std::array<double, lanes>;

// A row of numbers an option, cell or group.
template <size_t lanes>
using Column = std::vector<Lanes<lanes>>;

inline double one_if(bool holds) { return holds ? 1.0 : 0.0; }

// A number to divide by: 1 in place of 0, where the numerator is 0 too.
inline double divisor(double number) { return number > 0 ? number : 1.0; }

// What `make` says of every lane.
template <size_t lanes, typename Make>
Lanes<lanes> by_lane(Make make) {
    Lanes<lanes> made;
    for (size_t lane = 0; lane < lanes; ++lane) made[lane] = make(lane);
    return made;
}

// Sums what `term` says of every row and lane.
template <size_t lanes, typename Term>
Lanes<lanes> over_rows_of(size_t rows, Term term) {
    Lanes<lanes> sum{}, here;
    for (size_t row = 0; row < rows; ++row) {
        for (size_t lane = 0; lane < lanes; ++lane) here[lane] = term(row, lane);
        for (size_t lane = 0; lane < lanes; ++lane) sum[lane] += here[lane];
    }
    return sum;
}

// A column of one lane.
inline Column<1> alone(const std::vector<double>& numbers) {
    Column<1> column(numbers.size());
    for (size_t row = 0; row < numbers.size(); ++row) column[row][0] = numbers[row];
    return column;
}

}  // namespace simframe
