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
    int64_t draw_spread(Philox& random) const;
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
    int64_t draw_spread(Philox& random) const;
};

// Tables of distribution functions, each with a guide that leads a uniform number to nearly the right entry.
class Inversions {
  public:
    struct Table {
        size_t start, size;
        int64_t lowest;
    };

    void clear();
    template <typename Distribution>
    Table tabulate(const Distribution& distribution);
    Table tabulate(const std::vector<double>& weights);

    int64_t draw(const Table& table, Philox& random) const {
        const double u = random.uniform();
        const double* cumulative = cumulative_.data() + table.start;
        size_t i = guide_[table.start + static_cast<size_t>(u * static_cast<double>(table.size))];
        while (cumulative[i] <= u) ++i;
        return table.lowest + static_cast<int64_t>(i);
    }

  private:
    Table finish(size_t start, int64_t lowest);

    std::vector<double> cumulative_;
    std::vector<uint32_t> guide_;
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
        int64_t first;              // the fewest draws that a table is kept for
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
