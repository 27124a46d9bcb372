// The kernels' second door: plain C functions on arrays, for the thousands of replicates of an evaluation. Polars'
// door is plugin.hpp. simframe/metrics/arrays.py is the only caller; it owns every array and checks every shape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>

#if defined(_WIN32)
#define SIMFRAME_EXPORT extern "C" __declspec(dllexport)
#else
#define SIMFRAME_EXPORT extern "C" __attribute__((visibility("default")))
#endif

// Units of people (clusters, or single respondents) drawn within strata, and the answers counted in every replicate.
// Units are numbered stratum by stratum.
struct SimframeDraw {
    int64_t people, slots, columns;
    const int32_t* codes;  // people x slots: the column that an answer counts in, or -1
    const double* weight;  // people
    const int32_t* unit;   // people
    int64_t units, strata;
    const int64_t* sizes;   // strata: units
    const int64_t* take;    // strata: units to draw
    const double* scale;    // strata: what a drawn unit counts
    const double* chance;   // units: drawn in proportion to it, with replacement from one stratum; or null
    int64_t replace;        // whether a unit may be drawn twice
    uint64_t seed, key, stream;  // stream: below 16
    int64_t first_replicate, replicates;
    // columns x replicates: sums of weights and of squared weights, of the units that were drawn and of the rest; each
    // may be null.
    double *counts, *squares, *rest, *rest_squares;
};

// Metrics by name of the same table under many replicates.
struct SimframeReplicates {
    int64_t metrics, columns, rows, numbers, replicates;
    const char* const* names;
    const double* const* column;  // columns: rows x replicates where it varies, else rows
    const uint8_t* varies;        // columns
    const double* number;         // numbers: what the metrics take beside columns
    double* out;                  // metrics x replicates; NaN where undefined
};

// Both return 0, 1 where memory is short, 2 where an argument is refused, 3 for anything else.
SIMFRAME_EXPORT int32_t simframe_count_draws(const SimframeDraw* draw);
SIMFRAME_EXPORT int32_t simframe_replicates(const SimframeReplicates* replicates);

namespace simframe {

// Runs work that may throw: nothing passes into C.
template <typename Work>
int32_t guarded(const Work& work) {
    try {
        work();
        return 0;
    } catch (const std::bad_alloc&) {
        return 1;
    } catch (const std::invalid_argument&) {
        return 2;
    } catch (...) {
        return 3;
    }
}

}  // namespace simframe
