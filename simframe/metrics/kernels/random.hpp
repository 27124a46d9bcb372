// Random numbers that depend on a seed and on the name of what they are drawn for, and on nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace simframe {

// FNV-1a of the bytes, finished by SplitMix64's mixer: the same on every machine and in every version.
inline uint64_t stable_hash(std::string_view bytes) {
    uint64_t hash = 0xCBF29CE484222325U;
    for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
    hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9U;
    hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBU;
    return hash ^ (hash >> 31);
}

// Philox 4x64-10 (Salmon, Moraes, Dror and Shaw 2011): a counter, enciphered under a key. The seed and the cell are
// the key, so streams of different cells never run into each other; `stream` separates the uses within a cell.
class Philox {
  public:
    Philox(uint64_t seed, uint64_t cell, uint64_t stream) : key_{seed, cell}, counter_{0, stream, 0, 0} {}

    // Uniform on [0, 1), 53 bits.
    double uniform() {
        return static_cast<double>(bits() >> 11) * 0x1p-53;
    }

    // Half of a 64-bit number; the other half comes next.
    uint32_t bits32() {
        have_half_ = !have_half_;
        if (!have_half_) return static_cast<uint32_t>(half_);
        half_ = bits();
        return static_cast<uint32_t>(half_ >> 32);
    }

  private:
    struct Product {
        uint64_t high, low;
    };

    static Product multiply(uint64_t x, uint64_t y) {
#ifdef __SIZEOF_INT128__
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(x) * y;
        return {static_cast<uint64_t>(product >> 64), static_cast<uint64_t>(product)};
#else
        const uint64_t half = 0xFFFFFFFFU, a = x >> 32, b = x & half, c = y >> 32, d = y & half;
        const uint64_t middle = a * d + (b * d >> 32), other = b * c + (middle & half);
        return {a * c + (middle >> 32) + (other >> 32), x * y};
#endif
    }

    uint64_t bits() {
        if (next_ == block_.size()) refill();
        return block_[next_++];
    }

    void refill() {
        std::array<uint64_t, 4> x = counter_;
        uint64_t key0 = key_[0], key1 = key_[1];
        for (int round = 0; round < 10; ++round) {
            const Product a = multiply(0xD2E7470EE14C6C93U, x[0]), b = multiply(0xCA5A826395121157U, x[2]);
            x = {b.high ^ x[1] ^ key0, b.low, a.high ^ x[3] ^ key1, a.low};
            key0 += 0x9E3779B97F4A7C15U;
            key1 += 0xBB67AE8584CAA73BU;
        }
        block_ = x;
        next_ = 0;
        ++counter_[0];
    }

    std::array<uint64_t, 2> key_;
    std::array<uint64_t, 4> counter_, block_{};
    size_t next_ = 4;
    uint64_t half_ = 0;
    bool have_half_ = false;
};

}  // namespace simframe
