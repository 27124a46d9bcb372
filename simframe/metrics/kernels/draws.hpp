// Drawing counts: multinomial samples for the bootstrap, multivariate hypergeometric ones for permutations.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "random.hpp"

namespace simframe {

using Counts = std::vector<int64_t>;

// Distributions on whole numbers. `ratio(x)` is pmf(x + 1) / pmf(x).
struct Binomial {
    int64_t n;
    double p;  // 0 < p < 1

    int64_t lowest() const { return 0; }
    int64_t highest() const { return n; }
    int64_t mode() const;
    double variance() const { return static_cast<double>(n) * p * (1 - p); }
    double log_pmf(int64_t x) const;
    double ratio(int64_t x) const;
};

// Members of a kind among `draws` without replacement from a population that holds `kind` of them.
struct Hypergeometric {
    int64_t population, kind, draws;

    int64_t lowest() const;
    int64_t highest() const;
    int64_t mode() const;
    double variance() const;
    double log_pmf(int64_t x) const;
    double ratio(int64_t x) const;
};

// Tables of distribution functions in 32 bits, small enough to stay in the cache, each with a guide that leads a random
// number to nearly the right entry. Probabilities are exact to 2^-32.
class Inversions {
  public:
    struct Table {
        size_t start, guide, size;
        int64_t lowest;
    };
    static constexpr size_t kLargest = 65535;

    void clear();
    // Covers the middle of a distribution, up to kLargest values.
    template <typename Distribution>
    Table tabulate(const Distribution& distribution);
    // Covers 0, 1, ... in proportion to the weights, up to kLargest of them.
    Table tabulate(const std::vector<double>& weights);

    // Finds where 32 random bits fall. False where that is beyond what the table covers.
    bool find(const Table& table, uint32_t bits, int64_t& found) const {
        const uint32_t* cumulative = cumulative_.data() + table.start;
        size_t i = guide_[table.guide + ((bits * static_cast<uint64_t>(2 * table.size)) >> 32)];
        // Nearly always two steps at most, taken without a branch that could be mispredicted.
        i += cumulative[i] <= bits;
        i += cumulative[i] <= bits;
        while (cumulative[i] <= bits && i < table.size) ++i;
        found = table.lowest + static_cast<int64_t>(i);
        return i < table.size;
    }
    double covered(const Table& table) const { return 0x1p-32 * cumulative_[table.start + table.size - 1]; }

  private:
    Table finish(int64_t lowest);

    std::vector<double> probabilities_;  // of the table that is being made
    std::vector<uint32_t> cumulative_;
    std::vector<uint16_t> guide_;
};

// Splits draws over the options one after the other, the commonest first: how many of the draws that are left fall on
// this option, given what is left of the population? A stage meets the same few questions again and again, so it keeps
// a table for each that has a small variance.
template <typename Distribution>
class Chain {
  public:
    // Whole counts, not negative, with a positive sum; hypergeometric draws do not exceed that sum.
    void aim(const Counts& counts, int64_t draws);
    void draw(Philox& random, Counts& out);

  private:
    struct Stage {
        size_t option;
        int64_t count, population;  // of this option, and of it with all that follow
        int64_t first;              // the fewest draws left that a table is kept for
        std::vector<int32_t> tables;
    };

    int64_t draw_stage(Stage& stage, int64_t left, Philox& random);

    int64_t draws_ = 0;
    std::vector<std::pair<int64_t, size_t>> order_;
    std::vector<Stage> stages_;
    size_t used_ = 0;
    Inversions inversions_;
    std::vector<Inversions::Table> tables_;
};

// A bootstrap sample: `draws` respondents with replacement.
class Resampler {
  public:
    void aim(const Counts& counts, int64_t draws);
    void draw(Philox& random, Counts& out);

  private:
    int64_t draws_ = 0;
    bool singly_ = false;  // few draws over many options: one by one is quicker
    Chain<Binomial> chain_;
    Inversions options_;
    Inversions::Table table_{};
    std::vector<double> weights_;
};

// A relabelling of respondents: `draws` of them without replacement.
class Permuter {
  public:
    void aim(const Counts& counts, int64_t draws);
    void draw(Philox& random, Counts& out);

  private:
    int64_t draws_ = 0;
    bool singly_ = false;
    Chain<Hypergeometric> chain_;
    std::vector<size_t> respondents_;  // everybody's option, in some order
};

}  // namespace simframe
