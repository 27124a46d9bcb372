// Writing a kernel: its result, and the symbols under which Polars finds it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "columns.hpp"

#if defined(_WIN32)
#define SIMFRAME_EXPORT extern "C" __declspec(dllexport)
#else
#define SIMFRAME_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace simframe {

// A column of Float64 with nulls, filled row by row.
class Float64Result {
  public:
    explicit Float64Result(size_t rows);
    void push(std::optional<double> value);
    // Hands the column to the host under a name. The result is empty afterwards.
    void move_to(const char* name, SeriesExport* out);

  private:
    std::vector<double> values_;
    std::vector<uint8_t> validity_;
    int64_t nulls_ = 0;
};

using Kernel = Float64Result (*)(const Inputs&);

// Run a kernel, release its inputs, and turn any exception into the host's error message: none may cross.
void call(Kernel kernel, SeriesExport* series, size_t count, SeriesExport* out) noexcept;
// State a kernel's result type: Float64, named after the first input.
void describe(const ArrowSchema* fields, size_t count, ArrowSchema* out) noexcept;

}  // namespace simframe

#define SIMFRAME_KERNEL(symbol, kernel)                                                                           \
    SIMFRAME_EXPORT void _polars_plugin_##symbol(SeriesExport* series, size_t count, const uint8_t*, size_t,       \
                                                 SeriesExport* out, CallerContext*) {                              \
        simframe::call(kernel, series, count, out);                                                                \
    }                                                                                                              \
    SIMFRAME_EXPORT void _polars_plugin_field_##symbol(ArrowSchema* fields, size_t count, ArrowSchema* out,        \
                                                       const uint8_t*, size_t) {                                   \
        simframe::describe(fields, count, out);                                                                    \
    }
