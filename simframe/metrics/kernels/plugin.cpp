#include "plugin.hpp"

#include <cmath>
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
    std::string name, format;
    std::vector<ArrowSchema> children;
    std::vector<ArrowSchema*> pointers;

    ~SchemaData() {
        for (ArrowSchema& child : children) {
            if (child.release != nullptr) child.release(&child);
        }
    }
};

// The buffers outlive this library's structs: the host copies an array out and releases it later.
struct ArrayData {
    std::vector<double> values;
    std::vector<uint8_t> validity;
    const void* buffers[2] = {nullptr, nullptr};
    std::vector<ArrowArray> children;
    std::vector<ArrowArray*> pointers;

    ~ArrayData() {
        for (ArrowArray& child : children) {
            if (child.release != nullptr) child.release(&child);
        }
    }
};

template <typename Struct, typename Data>
void release_data(Struct* released) {
    delete static_cast<Data*>(released->private_data);
    released->private_data = nullptr;
    released->release = nullptr;
}

// Gives a struct its data, and the data's children as its own.
template <typename Struct, typename Data>
void own(Struct* out, std::unique_ptr<Data> data) {
    for (Struct& child : data->children) data->pointers.push_back(&child);
    out->n_children = static_cast<int64_t>(data->children.size());
    out->children = data->children.empty() ? nullptr : data->pointers.data();
    out->release = release_data<Struct, Data>;
    out->private_data = data.release();
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

Result::Result(const std::vector<std::string>& names, const Result& field) : Result(field.rows()) {
    for (const std::string& name : names) fields_.emplace_back(name, field);
}

void Result::write_schema(const char* name, ArrowSchema* out) const {
    auto data = std::make_unique<SchemaData>();
    data->name = name == nullptr ? "" : name;
    data->children.resize(fields_.size());
    for (size_t i = 0; i < fields_.size(); ++i) {
        fields_[i].second.write_schema(fields_[i].first.c_str(), &data->children[i]);
    }
    *out = ArrowSchema{};
    out->format = fields_.empty() ? "g" : "+s";
    out->name = data->name.c_str();
    out->flags = 2;  // nullable
    own(out, std::move(data));
}

void Result::write_array(ArrowArray* out) {
    auto data = std::make_unique<ArrayData>();
    *out = ArrowArray{};
    out->length = static_cast<int64_t>(rows());
    out->buffers = data->buffers;
    if (fields_.empty()) {
        out->n_buffers = 2;
        data->values = std::move(values_);
        data->validity.assign((data->values.size() + 7) / 8, 0);
        for (size_t row = 0; row < data->values.size(); ++row) {
            if (std::isnan(data->values[row])) {
                data->values[row] = 0.0;
                ++out->null_count;
            } else {
                data->validity[row / 8] = static_cast<uint8_t>(data->validity[row / 8] | (1U << (row % 8)));
            }
        }
        data->buffers[0] = out->null_count == 0 ? nullptr : data->validity.data();
        data->buffers[1] = data->values.data();
    } else {
        out->n_buffers = 1;
        data->children.resize(fields_.size());
        for (size_t i = 0; i < fields_.size(); ++i) fields_[i].second.write_array(&data->children[i]);
    }
    own(out, std::move(data));
}

void Result::move_to(const char* name, SeriesExport* out) {
    auto shell = std::make_unique<Shell>();
    write_schema(name, &shell->schema);
    write_array(&shell->array);
    shell->arrays[0] = &shell->array;
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

void describe(Shape shape, const ArrowSchema* fields, size_t count, ArrowSchema* out) noexcept {
    try {
        shape(fields, count).write_schema(count == 0 ? "" : fields[0].name, out);
    } catch (const std::exception& error) {
        remember(error.what());
    } catch (...) {
        remember("unknown error in a kernel");
    }
}

void pass_numbers(SeriesExport* series, size_t count, SeriesExport* out) noexcept {
    const Inputs inputs(series, count);
    try {
        for (size_t i = 0; i < count; ++i) expect_numbers(*series[i].field);
        // The host takes the arrays out of what it gave, and releases the rest.
        *out = series[0];
        series[0].len = 0;
        series[0].release = nullptr;
    } catch (const std::exception& error) {
        remember(error.what());
    }
}

void describe_numbers(const ArrowSchema* fields, size_t, ArrowSchema* out) noexcept {
    try {
        expect_numbers(fields[0]);
        auto data = std::make_unique<SchemaData>();
        data->name = fields[0].name == nullptr ? "" : fields[0].name;
        data->format = fields[0].format;
        *out = ArrowSchema{};
        out->format = data->format.c_str();
        out->name = data->name.c_str();
        out->flags = fields[0].flags;
        own(out, std::move(data));
    } catch (const std::exception& error) {
        remember(error.what());
    }
}

}  // namespace simframe

SIMFRAME_EXPORT void _polars_plugin_numbers(SeriesExport* series, size_t count, const uint8_t*, size_t,
                                            SeriesExport* out, CallerContext*) {
    simframe::pass_numbers(series, count, out);
}

SIMFRAME_EXPORT void _polars_plugin_field_numbers(ArrowSchema* fields, size_t count, ArrowSchema* out, const uint8_t*,
                                                  size_t) {
    simframe::describe_numbers(fields, count, out);
}

SIMFRAME_EXPORT uint32_t _polars_plugin_get_version() { return 1; }  // major 0, minor 1

SIMFRAME_EXPORT const char* _polars_plugin_get_last_error_message() { return simframe::last_error.c_str(); }
