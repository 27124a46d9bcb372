// Writing a kernel: its result, and the symbols under which Polars finds it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "columns.hpp"

#if defined(_WIN32)
#define SIMFRAME_EXPORT extern "C" __declspec(dllexport)
#else
#define SIMFRAME_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace simframe {

// A column of Float64, or a struct of columns. NaN is null: no kernel answers with a number that is not one.
class Result {
  public:
    explicit Result(size_t rows = 0) : values_(rows, std::numeric_limits<double>::quiet_NaN()) {}
    // A struct with these fields, each a copy of `field`.
    Result(const std::vector<std::string>& names, const Result& field);

    void set(size_t row, std::optional<double> value) {
        if (value.has_value()) values_[row] = *value;
    }
    size_t rows() const { return values_.size(); }
    Result& field(size_t index) { return fields_[index].second; }
    // Hands the column to the host under a name. The result is empty afterwards.
    void move_to(const char* name, SeriesExport* out);

    void write_schema(const char* name, ArrowSchema* out) const;

  private:
    void write_array(ArrowArray* out);

    std::vector<double> values_;
    std::vector<std::pair<std::string, Result>> fields_;
};

using Kernel = Result (*)(const Inputs&);
// An empty result of the type that a kernel gives for inputs of these types.
using Shape = Result (*)(const ArrowSchema* fields, size_t count);


// Run a kernel, release its inputs, and turn any exception into the host's error message: none may cross.
void call(Kernel kernel, SeriesExport* series, size_t count, SeriesExport* out) noexcept;
// State a kernel's result type, named after the first input.
void describe(Shape shape, const ArrowSchema* fields, size_t count, ArrowSchema* out) noexcept;
// The one kernel that computes nothing: a column as it came, or an error where it holds no numbers.
void pass_numbers(SeriesExport* series, size_t count, SeriesExport* out) noexcept;
void describe_numbers(const ArrowSchema* fields, size_t count, ArrowSchema* out) noexcept;

inline Result one_number(const ArrowSchema*, size_t) { return Result(); }

}  // namespace simframe

#define SIMFRAME_STRUCT_KERNEL(symbol, kernel, shape)                                                                           \
    SIMFRAME_EXPORT void _polars_plugin_##symbol(SeriesExport* series, size_t count, const uint8_t*, size_t,       \
                                                 SeriesExport* out, CallerContext*) {                              \
        simframe::call(kernel, series, count, out);                                                                \
    }                                                                                                              \
    SIMFRAME_EXPORT void _polars_plugin_field_##symbol(ArrowSchema* fields, size_t count, ArrowSchema* out,        \
                                                       const uint8_t*, size_t) {                                   \
        simframe::describe(shape, fields, count, out);                                                                  \
    }

#define SIMFRAME_KERNEL(symbol, kernel) SIMFRAME_STRUCT_KERNEL(symbol, kernel, simframe::one_number)
