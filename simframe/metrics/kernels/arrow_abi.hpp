// The structs that cross the boundary: Arrow's C data interface and Polars' plugin interface, version 0.1.
// Layouts are fixed by https://arrow.apache.org/docs/format/CDataInterface.html and by polars-ffi.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct ArrowSchema {
    const char* format;
    const char* name;
    const char* metadata;
    int64_t flags;
    int64_t n_children;
    ArrowSchema** children;
    ArrowSchema* dictionary;
    void (*release)(ArrowSchema*);
    void* private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void** buffers;
    ArrowArray** children;
    ArrowArray* dictionary;
    void (*release)(ArrowArray*);
    void* private_data;
};

struct SeriesExport {
    ArrowSchema* field;
    ArrowArray** arrays;
    size_t len;
    void (*release)(SeriesExport*);
    void* private_data;
};

struct CallerContext;  // flags of the host; nothing here needs them
}
