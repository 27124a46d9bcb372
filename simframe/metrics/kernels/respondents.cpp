// Draws of respondents with all their answers, and the counts of answers in every draw.
//
// Plain C for ctypes: NumPy's arrays come in by their addresses and stay the caller's. Replicates are drawn in blocks,
// in parallel. Every replicate has random numbers of its own, and sums run in the order of the respondents: counts
// depend neither on the number of threads nor on how many replicates a call asks for.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <numeric>
#include <vector>

#include "arrays.hpp"
#include "lanes.hpp"
#include "parallel.hpp"
#include "random.hpp"

namespace simframe {

namespace {

// Replicates that are counted together: their sums stand side by side, so that one instruction adds to several.
constexpr size_t kBlock = 8;

size_t size(int64_t n) { return static_cast<size_t>(n); }

// Uniform on 0 to n - 1 without bias (Lemire 2019).
class Below {
  public:
    explicit Below(uint32_t n) : n_(n) {}

    uint32_t operator()(Philox& random) const {
        for (;;) {
            const uint64_t product = static_cast<uint64_t>(random.bits32()) * n_;
            const auto low = static_cast<uint32_t>(product);
            // What is not below n is not below the rest either: hardly ever does it take the division.
            if (low >= n_ || low >= (0 - n_) % n_) return static_cast<uint32_t>(product >> 32);
        }
    }

  private:
    uint32_t n_;
};

// Draws in proportion to chances in constant time (Walker 1977, Vose 1991).
class Alias {
  public:
    explicit Alias(const std::vector<double>& chances)
        : any_(static_cast<uint32_t>(chances.size())), keep_(chances.size(), 1.0), other_(chances.size()) {
        const double total = std::accumulate(chances.begin(), chances.end(), 0.0);
        std::vector<double> scaled(chances);
        std::vector<uint32_t> poor, rich;
        for (uint32_t i = 0; i < scaled.size(); ++i) {
            scaled[i] *= static_cast<double>(scaled.size()) / total;
            other_[i] = i;
            (scaled[i] < 1 ? poor : rich).push_back(i);
        }
        while (!poor.empty() && !rich.empty()) {
            const uint32_t low = poor.back(), high = rich.back();
            poor.pop_back();
            keep_[low] = scaled[low];
            other_[low] = high;
            scaled[high] -= 1 - scaled[low];
            if (scaled[high] >= 1) continue;
            rich.pop_back();
            poor.push_back(high);
        }
    }

    uint32_t operator()(Philox& random) const {
        const uint32_t i = any_(random);
        return random.uniform() < keep_[i] ? i : other_[i];
    }

  private:
    Below any_;
    std::vector<double> keep_;
    std::vector<uint32_t> other_;
};

// How the units of one stratum are drawn.
struct Stratum {
    uint32_t first, units, take;
    Below any;
};

class Counter {
  public:
    Counter(const SimframeDraw& draw, const std::vector<Stratum>& strata, const Alias* alias)
        : draw_(draw), strata_(strata), alias_(alias), times_(size(draw.units) * kBlock),
          scale_(size(draw.units)), order_(draw.replace != 0 ? 0 : size(draw.units)),
          sums_(size(draw.columns) + 1) {
        for (size_t k = 0; k < strata.size(); ++k) {
            std::fill_n(scale_.begin() + strata[k].first, strata[k].units, draw.scale[k]);
        }
    }

    void operator()(size_t block) {
        const size_t from = block * kBlock, lanes = std::min(kBlock, size(draw_.replicates) - from);
        std::fill(times_.begin(), times_.end(), 0);
        for (size_t lane = 0; lane < lanes; ++lane) {
            const auto replicate = static_cast<uint64_t>(draw_.first_replicate) + from + lane;
            Philox random(draw_.seed, draw_.key, replicate * 16 + draw_.stream);
            draw_.replace != 0 ? with_replacement(random, lane) : without(random, lane);
        }
        count<false, false>(from, lanes, draw_.counts);
        count<false, true>(from, lanes, draw_.squares);
        count<true, false>(from, lanes, draw_.rest);
        count<true, true>(from, lanes, draw_.rest_squares);
    }

  private:
    void with_replacement(Philox& random, size_t lane) {
        for (const Stratum& stratum : strata_) {
            for (uint32_t i = 0; i < stratum.take; ++i) {
                const uint32_t unit = alias_ != nullptr ? (*alias_)(random) : stratum.first + stratum.any(random);
                ++times_[unit * kBlock + lane];
            }
        }
    }

    void without(Philox& random, size_t lane) {
        std::iota(order_.begin(), order_.end(), uint32_t{0});
        for (const Stratum& stratum : strata_) {
            uint32_t* units = order_.data() + stratum.first;
            // The fewer are drawn: those that are taken, or those that are left.
            const bool taken = stratum.take <= stratum.units - stratum.take;
            const uint32_t fewer = taken ? stratum.take : stratum.units - stratum.take;
            for (uint32_t i = 0; i < fewer; ++i) std::swap(units[i], units[i + Below(stratum.units - i)(random)]);
            const uint32_t end = taken ? fewer : stratum.units;
            for (uint32_t i = taken ? 0 : fewer; i < end; ++i) times_[units[i] * kBlock + lane] = 1;
        }
    }

    template <bool rest, bool squares>
    SIMFRAME_WIDE void count(size_t from, size_t lanes, double* out) {
        if (out == nullptr) return;
        const size_t slots = size(draw_.slots), columns = size(draw_.columns);
        std::fill(sums_.begin(), sums_.end(), Lanes<kBlock>{});
        Lanes<kBlock> weights;
        for (size_t person = 0; person < size(draw_.people); ++person) {
            const auto unit = static_cast<size_t>(draw_.unit[person]);
            const int32_t* times = times_.data() + unit * kBlock;
            const double weight = draw_.weight[person] * scale_[unit];
            const double each = squares ? weight * weight : weight;
            for (size_t lane = 0; lane < kBlock; ++lane) {
                weights[lane] = each * static_cast<double>(rest ? 1 - times[lane] : times[lane]);
            }
            const int32_t* codes = draw_.codes + person * slots;
            for (size_t slot = 0; slot < slots; ++slot) {
                const size_t column = codes[slot] < 0 ? columns : static_cast<size_t>(codes[slot]);
                // Read whole before any of it is written: else it is added to one by one.
                Lanes<kBlock> sum = sums_[column];
                for (size_t lane = 0; lane < kBlock; ++lane) sum[lane] += weights[lane];
                sums_[column] = sum;
            }
        }
        for (size_t column = 0; column < columns; ++column) {
            std::copy_n(sums_[column].begin(), lanes, out + column * size(draw_.replicates) + from);
        }
    }

    const SimframeDraw& draw_;
    const std::vector<Stratum>& strata_;
    const Alias* alias_;
    std::vector<int32_t> times_;  // units x kBlock
    std::vector<double> scale_;
    std::vector<uint32_t> order_;
    Column<kBlock> sums_;  // a row a column, and one more for answers that are not counted
};

bool sound(const SimframeDraw& draw) {
    constexpr int64_t most = 2147483647;
    if (draw.people < 0 || draw.slots < 0 || draw.columns < 0 || draw.replicates < 0 || draw.first_replicate < 0 ||
        draw.units < 0 || draw.units > most || draw.strata < 0 || draw.stream > 15) {
        return false;
    }
    int64_t units = 0;
    for (size_t k = 0; k < size(draw.strata); ++k) {
        const int64_t here = draw.sizes[k], take = draw.take[k];
        if (here < 0 || take < 0 || take > most || (draw.replace != 0 ? here == 0 && take > 0 : take > here)) return false;
        units += here;
    }
    const auto in_range = [](int64_t low, int64_t high) { return [=](int64_t x) { return low <= x && x < high; }; };
    const size_t answers = size(draw.people) * size(draw.slots);
    return units == draw.units && (draw.chance == nullptr || draw.strata == 1) &&
           std::all_of(draw.unit, draw.unit + draw.people, in_range(0, units)) &&
           std::all_of(draw.codes, draw.codes + answers, in_range(-1, draw.columns));
}

void count_draws(const SimframeDraw& draw) {
    std::vector<Stratum> strata;
    uint32_t first = 0;
    for (size_t k = 0; k < size(draw.strata); ++k) {
        const auto units = static_cast<uint32_t>(draw.sizes[k]);
        strata.push_back({first, units, static_cast<uint32_t>(draw.take[k]), Below(units)});
        first += units;
    }
    std::unique_ptr<const Alias> alias;
    if (draw.chance != nullptr) {
        alias = std::make_unique<const Alias>(std::vector<double>(draw.chance, draw.chance + draw.units));
    }
    over_rows((size(draw.replicates) + kBlock - 1) / kBlock, [&]() -> RowWorker {
        const auto counter = std::make_shared<Counter>(draw, strata, alias.get());
        return [counter](size_t block) { (*counter)(block); };
    });
}

}  // namespace

}  // namespace simframe

SIMFRAME_EXPORT int32_t simframe_count_draws(const SimframeDraw* draw) {
    return simframe::guarded([&] {
        if (!simframe::sound(*draw)) throw std::invalid_argument("a draw out of range");
        simframe::count_draws(*draw);
    });
}
