// Rows shared out over threads: the result of a row may depend on the row alone, so that their number never shows.
#pragma once

#include <cstddef>
#include <functional>

namespace simframe {

// Works on one row. Made once a thread, so that its scratch memory is its own.
using RowWorker = std::function<void(size_t row)>;

// Runs a worker over rows 0 to rows - 1. At most POLARS_MAX_THREADS threads, and never more than the machine has,
// work at any time in all calls together. Throws what the first failing row threw.
void over_rows(size_t rows, const std::function<RowWorker()>& make_worker);

}  // namespace simframe
