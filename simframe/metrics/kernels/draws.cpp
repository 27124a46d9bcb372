#include "draws.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>

namespace simframe {

namespace {

constexpr double kTabulated = 400.0;     // largest variance of a tabulated distribution
constexpr double kTabulatedFirst = 1e6;  // and where a table is asked the same question every time
constexpr int64_t kMostTables = 4096;    // most tables a stage keeps
constexpr int64_t kMostListed = 1 << 20; // most respondents that are listed to be shuffled
constexpr double kRare = 1e-5;           // where a table ends: smaller than this, beside the mode's probability
constexpr double kNegligible = 1e-17;

double as_double(int64_t x) { return static_cast<double>(x); }

// log(k!) less Stirling's main terms, (k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2, for k of 10 and more.
double stirling_series(int64_t k) {
    const double x = as_double(k + 1), square = x * x;
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - 1.0 / 1680 / square) / square) / square) / x;
}

// log(k!) less Stirling's main terms, (k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2.
double stirling_rest(int64_t k) {
    static constexpr double exact[] = {
        0.08106146679532726, 0.04134069595540929,  0.02767792568499834,  0.02079067210376509,  0.01664469118982119,
        0.01387612882307075, 0.01189670994589177,  0.01041126526197209,  0.009255462182712733, 0.008330563433362871};
    return k < static_cast<int64_t>(std::size(exact)) ? exact[static_cast<size_t>(k)] : stirling_series(k);
}

double log_factorial(int64_t k) {
    static const auto table = [] {
        std::array<double, 1024> known{};
        for (size_t i = 1; i < known.size(); ++i) known[i] = known[i - 1] + std::log(static_cast<double>(i));
        return known;
    }();
    if (static_cast<size_t>(k) < table.size()) return table[static_cast<size_t>(k)];
    constexpr double half_log_two_pi = 0.9189385332046728;
    const double x = as_double(k + 1);
    return (as_double(k) + 0.5) * std::log(x) - x + half_log_two_pi + stirling_series(k);
}

double log_choose(int64_t n, int64_t k) { return log_factorial(n) - log_factorial(k) - log_factorial(n - k); }

// Inversion by adding up probabilities outwards from [low, high], which are passed: `left` of a uniform number remains.
template <typename Distribution>
int64_t draw_outwards(const Distribution& d, int64_t low, int64_t high, double left) {
    double at_low = std::exp(d.log_pmf(low)), at_high = low == high ? at_low : std::exp(d.log_pmf(high));
    const int64_t lowest = d.lowest(), highest = d.highest();
    while (at_low + at_high > kNegligible) {
        at_high *= high < highest ? d.ratio(high++) : 0.0;
        if ((left -= at_high) < 0) return high;
        at_low = low > lowest ? at_low / d.ratio(--low) : 0.0;
        if ((left -= at_low) < 0) return low;
    }
    return d.mode();
}

template <typename Distribution>
int64_t draw_from_mode(const Distribution& d, Philox& random) {
    const int64_t mode = d.mode();
    const double left = random.uniform() - std::exp(d.log_pmf(mode));
    return left < 0 ? mode : draw_outwards(d, mode, mode, left);
}

}  // namespace

int64_t Binomial::mode() const { return std::min(n, static_cast<int64_t>(as_double(n + 1) * p)); }

double Binomial::log_pmf(int64_t x) const {
    return log_choose(n, x) + as_double(x) * std::log(p) + as_double(n - x) * std::log1p(-p);
}

double Binomial::ratio(int64_t x) const { return as_double(n - x) / as_double(x + 1) * (p / (1 - p)); }

int64_t Hypergeometric::lowest() const { return std::max<int64_t>(0, draws - (population - kind)); }

int64_t Hypergeometric::highest() const { return std::min(kind, draws); }

int64_t Hypergeometric::mode() const {
    const double mode = as_double(draws + 1) * (as_double(kind + 1) / as_double(population + 2));
    return std::clamp(static_cast<int64_t>(mode), lowest(), highest());
}

double Hypergeometric::variance() const {
    if (population < 2) return 0.0;
    const double share = as_double(kind) / as_double(population);
    return as_double(draws) * share * (1 - share) * as_double(population - draws) / as_double(population - 1);
}

double Hypergeometric::log_pmf(int64_t x) const {
    return log_choose(kind, x) + log_choose(population - kind, draws - x) - log_choose(population, draws);
}

double Hypergeometric::ratio(int64_t x) const {
    return as_double(kind - x) / as_double(x + 1) * (as_double(draws - x) / as_double(population - kind - draws + x + 1));
}

namespace {

// Transformed rejection with squeeze, BTRS (Hormann 1993), for n min(p, 1 - p) >= 10.
int64_t draw_spread(const Binomial& d, Philox& random) {
    const double q = std::min(d.p, 1 - d.p), count = as_double(d.n), deviation = std::sqrt(d.variance());
    const double b = 1.15 + 2.53 * deviation, a = -0.0873 + 0.0248 * b + 0.01 * q, c = count * q + 0.5;
    const double squeeze = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * deviation, odds = q / (1 - q);
    const double mode = std::floor((count + 1) * q);
    for (;;) {
        const double u = random.uniform() - 0.5, v = random.uniform(), edge = 0.5 - std::abs(u);
        const double x = std::floor((2 * a / edge + b) * u + c);
        if (!(x >= 0 && x <= count)) continue;
        if (edge < 0.07 || v > squeeze) {
            const double bound = (mode + 0.5) * std::log((mode + 1) / (odds * (count - mode + 1))) +
                                 (count + 1) * std::log((count - mode + 1) / (count - x + 1)) +
                                 (x + 0.5) * std::log(odds * (count - x + 1) / (x + 1)) +
                                 stirling_rest(static_cast<int64_t>(mode)) + stirling_rest(d.n - static_cast<int64_t>(mode)) -
                                 stirling_rest(static_cast<int64_t>(x)) - stirling_rest(d.n - static_cast<int64_t>(x));
            if (std::log(v * alpha / (a / (edge * edge) + b)) > bound) continue;
        }
        const auto drawn = static_cast<int64_t>(x);
        return d.p <= 0.5 ? drawn : d.n - drawn;
    }
}

int64_t draw_spread(const Hypergeometric& d, Philox& random) { return draw_from_mode(d, random); }

}  // namespace

void Inversions::clear() {
    cumulative_.clear();
    guide_.clear();
}

template <typename Distribution>
Inversions::Table Inversions::tabulate(const Distribution& d) {
    const int64_t mode = d.mode();
    const double highest = std::exp(d.log_pmf(mode)), rare = highest * kRare;
    double probability = highest;
    int64_t lowest = mode;
    probabilities_.clear();
    while (lowest > d.lowest() && probability > rare) probabilities_.push_back(probability /= d.ratio(--lowest));
    std::reverse(probabilities_.begin(), probabilities_.end());
    probabilities_.push_back(probability = highest);
    for (int64_t x = mode; x < d.highest() && probability > rare; ++x) {
        probabilities_.push_back(probability *= d.ratio(x));
    }
    return finish(lowest);
}

Inversions::Table Inversions::tabulate(const std::vector<double>& weights) {
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    probabilities_ = weights;
    for (double& probability : probabilities_) probability /= total;
    return finish(0);
}

// Appends the distribution function, one entry that no 32 bits pass but the highest, and a guide of steps half as high
// as the entries are on average.
Inversions::Table Inversions::finish(int64_t lowest) {
    const size_t size = probabilities_.size();
    const Table table{cumulative_.size(), guide_.size(), size, lowest};
    double sum = 0.0;
    for (const double probability : probabilities_) {
        sum += probability;
        cumulative_.push_back(static_cast<uint32_t>(std::min(sum * 0x1p32, 0x1p32 - 1)));
    }
    cumulative_.insert(cumulative_.end(), 2, UINT32_MAX);
    const uint32_t* cumulative = cumulative_.data() + table.start;
    size_t entry = 0;
    for (uint64_t i = 0; i < 2 * size; ++i) {
        const uint64_t reached = ((i << 32) + 2 * size - 1) / (2 * size);  // the first bits of this step
        while (entry < size && cumulative[entry] <= reached) ++entry;
        guide_.push_back(static_cast<uint16_t>(entry));
    }
    return table;
}

namespace {

Binomial question(const Binomial*, int64_t population, int64_t count, int64_t left) {
    return {left, as_double(count) / as_double(population)};
}

Hypergeometric question(const Hypergeometric*, int64_t population, int64_t count, int64_t left) {
    return {population, count, left};
}

}  // namespace

template <typename Distribution>
void Chain<Distribution>::aim(const Counts& counts, int64_t draws) {
    draws_ = draws;
    inversions_.clear();
    tables_.clear();
    order_.clear();
    int64_t population = 0;
    for (size_t option = 0; option < counts.size(); ++option) {
        population += counts[option];
        if (counts[option] > 0) order_.emplace_back(-counts[option], option);
    }
    std::sort(order_.begin(), order_.end());
    const double everybody = as_double(population);
    used_ = order_.size();
    if (stages_.size() < used_) stages_.resize(used_);
    for (size_t i = 0; i < used_; ++i) {
        Stage& stage = stages_[i];
        stage.option = order_[i].second;
        stage.count = -order_[i].first;
        stage.population = population;
        const double share = as_double(population) / everybody, expected = as_double(draws) * share;
        const double reach = i == 0 ? 0 : 2 + 9 * std::sqrt(expected * (1 - share));
        stage.first = std::max<int64_t>(0, static_cast<int64_t>(expected - reach));
        const int64_t last = std::min(draws, static_cast<int64_t>(expected + reach));
        stage.tables.assign(last - stage.first < kMostTables ? static_cast<size_t>(last - stage.first + 1) : 0, -1);
        population -= stage.count;
    }
}

template <typename Distribution>
int64_t Chain<Distribution>::draw_stage(Stage& stage, int64_t left, Philox& random) {
    const auto slot = static_cast<size_t>(left - stage.first);  // wraps below the first
    const bool kept = slot < stage.tables.size();
    if (!kept || stage.tables[slot] < 0) {
        const Distribution d = question(static_cast<Distribution*>(nullptr), stage.population, stage.count, left);
        const double most = stage.tables.size() == 1 ? kTabulatedFirst : kTabulated;
        if (d.variance() > most) return draw_spread(d, random);
        if (!kept) return draw_from_mode(d, random);
        stage.tables[slot] = static_cast<int32_t>(tables_.size());
        tables_.push_back(inversions_.tabulate(d));
    }
    const Inversions::Table& table = tables_[static_cast<size_t>(stage.tables[slot])];
    const uint32_t bits = random.bits32();
    int64_t found;
    if (inversions_.find(table, bits, found)) return found;
    const Distribution d = question(static_cast<Distribution*>(nullptr), stage.population, stage.count, left);
    const int64_t high = table.lowest + static_cast<int64_t>(table.size) - 1;
    return draw_outwards(d, table.lowest, high, (bits + 0.5) * 0x1p-32 - inversions_.covered(table));
}

template <typename Distribution>
void Chain<Distribution>::draw(Philox& random, Counts& out) {
    std::fill(out.begin(), out.end(), 0);
    int64_t left = draws_;
    for (size_t i = 0; i + 1 < used_ && left > 0; ++i) {
        const int64_t drawn = draw_stage(stages_[i], left, random);
        out[stages_[i].option] = drawn;
        left -= drawn;
    }
    out[stages_[used_ - 1].option] += left;
}

template class Chain<Binomial>;
template class Chain<Hypergeometric>;

namespace {

// Is it quicker to draw respondent by respondent than option by option?
bool fewer_draws_than_options(const Counts& counts, int64_t draws) {
    return draws < 2 * std::count_if(counts.begin(), counts.end(), [](int64_t count) { return count > 0; });
}

}  // namespace

void Resampler::aim(const Counts& counts, int64_t draws) {
    draws_ = draws;
    singly_ = fewer_draws_than_options(counts, draws) && counts.size() <= Inversions::kLargest;
    if (!singly_) return chain_.aim(counts, draws);
    options_.clear();
    weights_.assign(counts.begin(), counts.end());
    table_ = options_.tabulate(weights_);
}

void Resampler::draw(Philox& random, Counts& out) {
    if (!singly_) return chain_.draw(random, out);
    std::fill(out.begin(), out.end(), 0);
    int64_t option;
    for (int64_t i = 0; i < draws_; ++i) {
        while (!options_.find(table_, random.bits32(), option)) {}  // the sum of the shares, rounded, missed one
        ++out[static_cast<size_t>(option)];
    }
}

void Permuter::aim(const Counts& counts, int64_t draws) {
    draws_ = draws;
    singly_ = fewer_draws_than_options(counts, draws) &&
              std::accumulate(counts.begin(), counts.end(), int64_t{0}) <= kMostListed;
    if (!singly_) return chain_.aim(counts, draws);
    respondents_.clear();
    for (size_t option = 0; option < counts.size(); ++option) {
        respondents_.insert(respondents_.end(), static_cast<size_t>(counts[option]), option);
    }
}

void Permuter::draw(Philox& random, Counts& out) {
    if (!singly_) return chain_.draw(random, out);
    std::fill(out.begin(), out.end(), 0);
    const size_t everybody = respondents_.size();
    for (size_t i = 0; i < static_cast<size_t>(draws_); ++i) {
        const auto other = i + static_cast<size_t>(random.uniform() * static_cast<double>(everybody - i));
        std::swap(respondents_[i], respondents_[other]);
        ++out[respondents_[i]];
    }
}

}  // namespace simframe
