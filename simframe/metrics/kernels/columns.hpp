// Reading a kernel's inputs: columns of numbers or of lists of numbers, in any number of chunks, sliced or not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow_abi.hpp"

namespace simframe {

// The inputs of one call. They are ours: every array is released, then its series, however the call ends.
class Inputs {
  public:
    Inputs(SeriesExport* series, size_t count) : series_(series), count_(count) {}
    ~Inputs();
    Inputs(const Inputs&) = delete;
    Inputs& operator=(const Inputs&) = delete;

    const SeriesExport& operator[](size_t index) const { return series_[index]; }
    size_t count() const { return count_; }
    // Rows of the result: inputs of one row are repeated. Throws where lengths do not fit together.
    size_t rows() const;

  private:
    SeriesExport* series_;
    size_t count_;
};

size_t length(const SeriesExport& series);
std::string name(const SeriesExport& series);
// Throws, with the column's name, where it holds anything but numbers, truth values or nothing at all.
void expect_numbers(const ArrowSchema& field);
// Throws where a column holds what Polars does not write as text.
void expect_key(const ArrowSchema& field);
// Throws where two columns hold things of different kinds, of which none ever equals the other.
void expect_alike(const ArrowSchema& one, const ArrowSchema& other);
// An argument that was left out: a column of the null type.
bool absent(const SeriesExport& series);

// Where a row lies: a chunk, and the row's place in it before the chunk's offset is added.
struct Place {
    const ArrowArray* array;
    int64_t row;
};

// Finds rows in chunks. Rows are asked for in ascending order, so the last chunk found is looked at first.
class Chunks {
  public:
    explicit Chunks(const SeriesExport& series);
    Place find(size_t row);

  private:
    const SeriesExport& series_;
    std::vector<size_t> starts_;  // first row of each chunk, then the length
    size_t current_ = 0;
};

using ReadNumber = double (*)(const void* values, int64_t index);

class NumberColumn {
  public:
    explicit NumberColumn(const SeriesExport& series);
    std::optional<double> at(size_t row);

  private:
    Chunks chunks_;
    bool repeated_;
    ReadNumber read_;
};

// A column of text that names cells. Null is a name of its own.
class KeyColumn {
  public:
    explicit KeyColumn(const SeriesExport& series);
    // The row's stable hash.
    uint64_t hash(size_t row);

  private:
    Chunks chunks_;
    bool repeated_;
    char layout_;  // 'v': string views; 'U' or 'u': 64- or 32-bit offsets
};

// One row's list. Nulls are kept as such: present[i] says whether values[i] means anything.
struct Sample {
    std::vector<double> values;
    std::vector<char> present;
};

class ListColumn {
  public:
    explicit ListColumn(const SeriesExport& series);
    // Fills the sample with the row's list; false where the list itself is null.
    bool read(size_t row, Sample& sample);

  private:
    Chunks chunks_;
    bool repeated_;
    char layout_;          // 'L' or 'l': 64- or 32-bit offsets; 'w': fixed width
    int64_t width_ = 0;
    ReadNumber read_;
};

}  // namespace simframe
