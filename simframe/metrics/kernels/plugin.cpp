#include "plugin.hpp"

#include <cmath>
#include <cstring>
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
    std::string name, format, metadata;
    std::vector<ArrowSchema> children;
    std::vector<ArrowSchema*> pointers;
    ArrowSchema dictionary{};

    ~SchemaData() {
        if (dictionary.release != nullptr) dictionary.release(&dictionary);
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

// Metadata as text: the number of pairs, then every key and value behind its length.
std::string metadata_of(const char* metadata) {
    if (metadata == nullptr) return {};
    size_t end = 0;
    const auto number = [&] {
        int32_t read;
        std::memcpy(&read, metadata + end, sizeof read);
        end += sizeof read;
        return static_cast<size_t>(read);
    };
    for (size_t left = 2 * number(); left > 0; --left) end += number();
    return {metadata, end};
}

// A schema of one's own that says the same.
void copy(const ArrowSchema& from, ArrowSchema* out) {
    auto data = std::make_unique<SchemaData>();
    data->name = from.name == nullptr ? "" : from.name;
    data->format = from.format;
    data->metadata = metadata_of(from.metadata);
    data->children.resize(static_cast<size_t>(from.n_children));
    for (size_t i = 0; i < data->children.size(); ++i) copy(*from.children[i], &data->children[i]);
    if (from.dictionary != nullptr) copy(*from.dictionary, &data->dictionary);
    *out = ArrowSchema{};
    out->format = data->format.c_str();
    out->name = data->name.c_str();
    out->metadata = data->metadata.empty() ? nullptr : data->metadata.data();
    out->flags = from.flags;
    out->dictionary = from.dictionary == nullptr ? nullptr : &data->dictionary;
    own(out, std::move(data));
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

void pass(Check check, SeriesExport* series, size_t count, SeriesExport* out) noexcept {
    const Inputs inputs(series, count);
    try {
        std::vector<const ArrowSchema*> fields;
        for (size_t i = 0; i < count; ++i) fields.push_back(series[i].field);
        check(fields);
        // The host takes the arrays out of what it gave, and releases the rest.
        *out = series[0];
        series[0].len = 0;
        series[0].release = nullptr;
    } catch (const std::exception& error) {
        remember(error.what());
    }
}

void describe_passed(Check check, const ArrowSchema* fields, size_t count, ArrowSchema* out) noexcept {
    try {
        std::vector<const ArrowSchema*> each;
        for (size_t i = 0; i < count; ++i) each.push_back(&fields[i]);
        check(each);
        copy(fields[0], out);
    } catch (const std::exception& error) {
        remember(error.what());
    }
}

}  // namespace simframe

SIMFRAME_CHECK(numbers, simframe::expect_numbers)
SIMFRAME_CHECK(key, simframe::expect_key)
SIMFRAME_CHECK(alike, simframe::expect_alike)

SIMFRAME_EXPORT uint32_t _polars_plugin_get_version() { return 1; }  // major 0, minor 1

SIMFRAME_EXPORT const char* _polars_plugin_get_last_error_message() { return simframe::last_error.c_str(); }
