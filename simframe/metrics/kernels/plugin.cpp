#include "plugin.hpp"

#include <exception>
#include <memory>
#include <string>

namespace simframe {

namespace {

thread_local std::string last_error;

void remember(const char* message) noexcept {
    try {
        last_error = message;
    } catch (...) {
        last_error.clear();
    }
}

struct SchemaData {
    std::string name;
};

void release_schema(ArrowSchema* schema) {
    delete static_cast<SchemaData*>(schema->private_data);
    schema->private_data = nullptr;
    schema->release = nullptr;
}

void write_schema(const char* name, ArrowSchema* out) {
    auto data = std::make_unique<SchemaData>();
    data->name = name == nullptr ? "" : name;
    *out = ArrowSchema{};
    out->format = "g";
    out->name = data->name.c_str();
    out->flags = 2;  // nullable
    out->release = release_schema;
    out->private_data = data.release();
}

// The array's buffers outlive this library's structs: the host copies the array out and releases it later.
struct ArrayData {
    std::vector<double> values;
    std::vector<uint8_t> validity;
    const void* buffers[2];
};

void release_array(ArrowArray* array) {
    delete static_cast<ArrayData*>(array->private_data);
    array->private_data = nullptr;
    array->release = nullptr;
}

// The shells around a result that the host has moved out: the schema and the structs, never the buffers.
struct Shell {
    ArrowSchema schema{};
    ArrowArray array{};
    ArrowArray* arrays[1];

    ~Shell() {
        if (schema.release != nullptr) schema.release(&schema);
    }
};

void release_series(SeriesExport* series) {
    delete static_cast<Shell*>(series->private_data);
    series->private_data = nullptr;
    series->release = nullptr;
}

}  // namespace

Float64Result::Float64Result(size_t rows) {
    values_.reserve(rows);
    validity_.reserve(rows / 8 + 1);
}

void Float64Result::push(std::optional<double> value) {
    const size_t row = values_.size();
    if (row % 8 == 0) validity_.push_back(0);
    if (value.has_value()) {
        validity_.back() = static_cast<uint8_t>(validity_.back() | (1U << (row % 8)));
    } else {
        ++nulls_;
    }
    values_.push_back(value.value_or(0.0));
}

void Float64Result::move_to(const char* name, SeriesExport* out) {
    auto shell = std::make_unique<Shell>();
    write_schema(name, &shell->schema);
    auto data = std::make_unique<ArrayData>();
    ArrowArray& array = shell->array;
    array.length = static_cast<int64_t>(values_.size());
    array.null_count = nulls_;
    array.n_buffers = 2;
    data->values = std::move(values_);
    data->validity = std::move(validity_);
    data->buffers[0] = nulls_ == 0 ? nullptr : data->validity.data();
    data->buffers[1] = data->values.data();
    array.buffers = data->buffers;
    array.release = release_array;
    array.private_data = data.release();
    shell->arrays[0] = &array;
    out->field = &shell->schema;
    out->arrays = shell->arrays;
    out->len = 1;
    out->release = release_series;
    out->private_data = shell.release();
}

void call(Kernel kernel, SeriesExport* series, size_t count, SeriesExport* out) noexcept {
    const Inputs inputs(series, count);
    try {
        kernel(inputs).move_to(count == 0 ? "" : inputs[0].field->name, out);
    } catch (const std::exception& error) {
        remember(error.what());
    } catch (...) {
        remember("unknown error in a kernel");
    }
}

void describe(const ArrowSchema* fields, size_t count, ArrowSchema* out) noexcept {
    try {
        write_schema(count == 0 ? "" : fields[0].name, out);
    } catch (const std::exception& error) {
        remember(error.what());
    }
}

}  // namespace simframe

SIMFRAME_EXPORT uint32_t _polars_plugin_get_version() { return 1; }  // major 0, minor 1

SIMFRAME_EXPORT const char* _polars_plugin_get_last_error_message() { return simframe::last_error.c_str(); }
