#include "draws.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace simframe {

namespace {

constexpr double kTabulated = 200.0;    // largest variance of a tabulated distribution: about 240 entries
constexpr int64_t kMostTables = 4096;   // most tables a stage keeps
constexpr int64_t kMostListed = 1 << 20; // most respondents that are listed to be shuffled
constexpr double kNegligible = 1e-16;   // of the mode's probability

double as_double(int64_t x) { return static_cast<double>(x); }

// log(k!) less Stirling's main terms, (k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2.
double stirling_rest(int64_t k) {
    static constexpr std::array<double, 10> exact = {
        0.08106146679532726, 0.04134069595540929,  0.02767792568499834,  0.02079067210376509,  0.01664469118982119,
        0.01387612882307075, 0.01189670994589177,  0.01041126526197209,  0.009255462182712733, 0.008330563433362871};
    if (k < 10) return exact[static_cast<size_t>(k)];
    const double x = as_double(k + 1), square = x * x;
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - 1.0 / 1680 / square) / square) / square) / x;
}

double log_factorial(int64_t k) {
    constexpr double half_log_two_pi = 0.9189385332046728;
    const double x = as_double(k + 1);
    return (as_double(k) + 0.5) * std::log(x) - x + half_log_two_pi + stirling_rest(k);
}

double log_choose(int64_t n, int64_t k) { return log_factorial(n) - log_factorial(k) - log_factorial(n - k); }

// Inversion that adds up probabilities from the mode outwards: exact, in a time of the order of the deviation.
template <typename Distribution>
int64_t draw_from_mode(const Distribution& d, Philox& random) {
    const int64_t mode = d.mode(), lowest = d.lowest(), highest = d.highest();
    int64_t above = mode, below = mode;
    double at_above = std::exp(d.log_pmf(mode)), at_below = at_above, left = random.uniform() - at_above;
    while (left >= 0 && at_above + at_below > kNegligible) {
        at_above *= above < highest ? d.ratio(above++) : 0.0;
        if ((left -= at_above) < 0) return above;
        at_below /= below > lowest ? d.ratio(--below) : INFINITY;
        if ((left -= at_below) < 0) return below;
    }
    return mode;
}

}  // namespace

int64_t Binomial::mode() const { return std::min(n, static_cast<int64_t>(as_double(n + 1) * p)); }

double Binomial::log_pmf(int64_t x) const {
    return log_choose(n, x) + as_double(x) * std::log(p) + as_double(n - x) * std::log1p(-p);
}

double Binomial::ratio(int64_t x) const { return as_double(n - x) / as_double(x + 1) * (p / (1 - p)); }

// Transformed rejection with squeeze, BTRS (Hormann 1993), for n min(p, 1 - p) >= 10.
int64_t Binomial::draw_spread(Philox& random) const {
    const double q = std::min(p, 1 - p), count = as_double(n), deviation = std::sqrt(variance());
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
                                 stirling_rest(static_cast<int64_t>(mode)) + stirling_rest(n - static_cast<int64_t>(mode)) -
                                 stirling_rest(static_cast<int64_t>(x)) - stirling_rest(n - static_cast<int64_t>(x));
            if (std::log(v * alpha / (a / (edge * edge) + b)) > bound) continue;
        }
        const auto drawn = static_cast<int64_t>(x);
        return p <= 0.5 ? drawn : n - drawn;
    }
}

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

int64_t Hypergeometric::draw_spread(Philox& random) const { return draw_from_mode(*this, random); }

void Inversions::clear() {
    cumulative_.clear();
    guide_.clear();
}

template <typename Distribution>
Inversions::Table Inversions::tabulate(const Distribution& d) {
    const size_t start = cumulative_.size();
    const int64_t mode = d.mode();
    double weight = 1.0;
    int64_t lowest = mode;
    while (lowest > d.lowest() && weight > kNegligible) {
        cumulative_.push_back(weight /= d.ratio(--lowest));
    }
    std::reverse(cumulative_.begin() + static_cast<std::ptrdiff_t>(start), cumulative_.end());
    cumulative_.push_back(weight = 1.0);
    for (int64_t x = mode; x < d.highest() && weight > kNegligible; ++x) cumulative_.push_back(weight *= d.ratio(x));
    return finish(start, lowest);
}

Inversions::Table Inversions::tabulate(const std::vector<double>& weights) {
    const size_t start = cumulative_.size();
    cumulative_.insert(cumulative_.end(), weights.begin(), weights.end());
    return finish(start, 0);
}

// Turns weights into a distribution function, and the guide into each of as many equal steps of it.
Inversions::Table Inversions::finish(size_t start, int64_t lowest) {
    const size_t size = cumulative_.size() - start;
    double* cumulative = cumulative_.data() + start;
    std::partial_sum(cumulative, cumulative + size, cumulative);
    const double scale = 1 / cumulative[size - 1];
    for (size_t i = 0; i < size; ++i) cumulative[i] *= scale;
    cumulative[size - 1] = 1.0;  // above every uniform number
    guide_.resize(start + size);
    size_t entry = 0;
    for (size_t step = 0; step < size; ++step) {
        const double reached = static_cast<double>(step) / static_cast<double>(size);
        while (cumulative[entry] <= reached) ++entry;
        guide_[start + step] = static_cast<uint32_t>(entry);
    }
    return {start, size, lowest};
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
        const double reach = 2 + 9 * std::sqrt(expected * (1 - share));
        stage.first = std::max<int64_t>(0, static_cast<int64_t>(expected - reach));
        const int64_t last = std::min(draws, static_cast<int64_t>(expected + reach));
        stage.tables.assign(last - stage.first < kMostTables ? static_cast<size_t>(last - stage.first + 1) : 0, -1);
        population -= stage.count;
    }
}

template <typename Distribution>
int64_t Chain<Distribution>::draw_stage(Stage& stage, int64_t left, Philox& random) {
    const auto slot = static_cast<size_t>(left - stage.first);  // wraps below the first
    if (slot < stage.tables.size() && stage.tables[slot] >= 0) {
        return inversions_.draw(tables_[static_cast<size_t>(stage.tables[slot])], random);
    }
    const Distribution d = question(static_cast<Distribution*>(nullptr), stage.population, stage.count, left);
    if (d.variance() > kTabulated) return d.draw_spread(random);
    if (slot >= stage.tables.size()) return draw_from_mode(d, random);
    stage.tables[slot] = static_cast<int32_t>(tables_.size());
    tables_.push_back(inversions_.tabulate(d));
    return inversions_.draw(tables_.back(), random);
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
    singly_ = fewer_draws_than_options(counts, draws);
    if (!singly_) return chain_.aim(counts, draws);
    options_.clear();
    weights_.assign(counts.begin(), counts.end());
    table_ = options_.tabulate(weights_);
}

void Resampler::draw(Philox& random, Counts& out) {
    if (!singly_) return chain_.draw(random, out);
    std::fill(out.begin(), out.end(), 0);
    for (int64_t i = 0; i < draws_; ++i) ++out[static_cast<size_t>(options_.draw(table_, random))];
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
