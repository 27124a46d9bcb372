#include "columns.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "random.hpp"

namespace simframe {

namespace {

template <typename T>
double read_as(const void* values, int64_t index) {
    return static_cast<double>(static_cast<const T*>(values)[index]);
}

double read_bit(const void* values, int64_t index) {
    return (static_cast<const uint8_t*>(values)[index >> 3] >> (index & 7)) & 1;
}

// Null where the type is no number that a kernel reads. Categories travel as numbers with a dictionary.
ReadNumber reader(const ArrowSchema& field) {
    if (field.dictionary != nullptr) return nullptr;
    const std::string_view format = field.format;
    if (format == "g") return read_as<double>;
    if (format == "f") return read_as<float>;
    if (format == "l") return read_as<int64_t>;
    if (format == "i") return read_as<int32_t>;
    if (format == "s") return read_as<int16_t>;
    if (format == "c") return read_as<int8_t>;
    if (format == "L") return read_as<uint64_t>;
    if (format == "I") return read_as<uint32_t>;
    if (format == "S") return read_as<uint16_t>;
    if (format == "C") return read_as<uint8_t>;
    if (format == "b") return read_bit;
    return nullptr;
}

// A type as its reader knows it, with the name that Arrow has for it.
std::string type_of(const ArrowSchema& field) {
    const std::string_view format = field.format;
    const auto starts = [&](std::string_view with) { return format.substr(0, with.size()) == with; };
    const auto kind = [&]() -> const char* {
        if (field.dictionary != nullptr) return "categories";
        if (format == "u" || format == "U" || format == "vu") return "text";
        if (format == "z" || format == "Z" || format == "vz" || starts("w:")) return "bytes";
        if (format == "b") return "truth values";
        if (reader(field) != nullptr) return "numbers";
        if (starts("d:")) return "decimals";
        if (starts("td")) return "dates";
        if (starts("ts")) return "points in time";
        if (starts("tt")) return "times of day";
        if (starts("tD")) return "durations";
        if (format == "+s") return "structs";
        if (starts("+")) return "lists";
        return "other things";
    };
    return std::string("Arrow type '") + field.format + "' (" + kind() + ")";
}

std::string field_name(const ArrowSchema& field) { return field.name == nullptr ? "" : field.name; }

bool is_nothing(const ArrowSchema& field) { return std::string_view(field.format) == "n"; }

bool is_number(const ArrowSchema& field) {
    const std::string_view format = field.format;
    // Types that no kernel reads but Polars casts to one: halves, decimals, 128 bits.
    const bool castable = format == "e" || format.substr(0, 2) == "d:" || format.substr(0, 4) == "_pli";
    return reader(field) != nullptr || (field.dictionary == nullptr && castable);
}

// What equals what: numbers are numbers, and categories are text.
std::string kind_of(const ArrowSchema& field) {
    const std::string_view format = field.format;
    if (is_number(field)) return "number";
    if (field.dictionary != nullptr || format == "u" || format == "U" || format == "vu") return "text";
    if (format.substr(0, 2) == "ts" || format.substr(0, 2) == "td") return "point in time";
    return std::string(format.substr(0, 2));
}

[[noreturn]] void refuse(const SeriesExport& series, const char* wanted) {
    throw std::invalid_argument("column '" + name(series) + "' holds " + type_of(*series.field) + " where " + wanted +
                                " is needed; cast it first");
}

bool is_valid(const ArrowArray& array, int64_t index) {
    if (array.null_count == 0 || array.buffers[0] == nullptr) return true;
    const int64_t bit = array.offset + index;
    return (static_cast<const uint8_t*>(array.buffers[0])[bit >> 3] >> (bit & 7)) & 1;
}

}  // namespace

Inputs::~Inputs() {
    for (size_t i = 0; i < count_; ++i) {
        SeriesExport& series = series_[i];
        for (size_t chunk = 0; chunk < series.len; ++chunk) {
            ArrowArray* array = series.arrays[chunk];
            if (array->release != nullptr) array->release(array);
        }
        if (series.release != nullptr) series.release(&series);
    }
}

size_t Inputs::rows() const {
    size_t rows = 1;
    for (size_t i = 0; i < count_; ++i) {
        const size_t own = length(series_[i]);
        if (own == 1) continue;
        if (rows != 1 && rows != own) {
            throw std::invalid_argument("column '" + name(series_[i]) + "' has " + std::to_string(own) +
                                        " rows where others have " + std::to_string(rows));
        }
        rows = own;
    }
    return rows;
}

size_t length(const SeriesExport& series) {
    size_t rows = 0;
    for (size_t chunk = 0; chunk < series.len; ++chunk) rows += static_cast<size_t>(series.arrays[chunk]->length);
    return rows;
}

std::string name(const SeriesExport& series) { return field_name(*series.field); }

void expect_numbers(const ArrowSchema& field) {
    if (is_number(field) || is_nothing(field)) return;
    throw std::invalid_argument("column '" + field_name(field) + "' holds " + type_of(field) +
                                " where numbers are needed; cast it first");
}

void expect_key(const ArrowSchema& field) {
    const std::string_view format = field.format;
    const bool nested = format[0] == '+', bytes = format == "z" || format == "Z" || format == "vz";
    if (field.dictionary != nullptr || !(nested || bytes || format.substr(0, 2) == "tD")) return;
    throw std::invalid_argument("column '" + field_name(field) + "' holds " + type_of(field) +
                                " where a key of numbers or text is needed; cast it first");
}

void expect_alike(const ArrowSchema& one, const ArrowSchema& other) {
    if (is_nothing(one) || is_nothing(other) || kind_of(one) == kind_of(other)) return;
    throw std::invalid_argument("column '" + field_name(one) + "' holds " + type_of(one) + " where '" +
                                field_name(other) + "' holds " + type_of(other) + "; cast one to what the other is");
}

bool absent(const SeriesExport& series) { return std::string_view(series.field->format) == "n"; }

Chunks::Chunks(const SeriesExport& series) : series_(series) {
    starts_.reserve(series.len + 1);
    starts_.push_back(0);
    for (size_t chunk = 0; chunk < series.len; ++chunk) {
        starts_.push_back(starts_.back() + static_cast<size_t>(series.arrays[chunk]->length));
    }
}

Place Chunks::find(size_t row) {
    if (row < starts_[current_] || row >= starts_[current_ + 1]) {
        current_ = static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), row) - starts_.begin()) - 1;
    }
    return {series_.arrays[current_], static_cast<int64_t>(row - starts_[current_])};
}

NumberColumn::NumberColumn(const SeriesExport& series)
    : chunks_(series), repeated_(length(series) == 1), read_(reader(*series.field)) {
    if (read_ == nullptr) refuse(series, "a number");
}

std::optional<double> NumberColumn::at(size_t row) {
    const Place place = chunks_.find(repeated_ ? 0 : row);
    if (!is_valid(*place.array, place.row)) return std::nullopt;
    return read_(place.array->buffers[1], place.array->offset + place.row);
}

KeyColumn::KeyColumn(const SeriesExport& series) : chunks_(series), repeated_(length(series) == 1) {
    const std::string_view format = series.field->format;
    layout_ = format == "vu" ? 'v' : format == "U" || format == "u" ? format[0] : '\0';
    if (layout_ == '\0') refuse(series, "text");
}

uint64_t KeyColumn::hash(size_t row) {
    const Place place = chunks_.find(repeated_ ? 0 : row);
    const ArrowArray& array = *place.array;
    if (!is_valid(array, place.row)) return 0;
    const int64_t index = array.offset + place.row;
    if (layout_ == 'v') {
        // A view: its length, then up to 12 bytes, or else 4 of them, the buffer they stand in and where.
        const auto* view = static_cast<const char*>(array.buffers[1]) + 16 * index;
        int32_t parts[4];
        std::memcpy(parts, view, sizeof parts);
        const auto size = static_cast<size_t>(parts[0]);
        if (size <= 12) return stable_hash({view + 4, size});
        return stable_hash({static_cast<const char*>(array.buffers[2 + parts[2]]) + parts[3], size});
    }
    const auto text_from = [&](auto* offsets) {
        const auto begin = static_cast<size_t>(offsets[index]), end = static_cast<size_t>(offsets[index + 1]);
        return stable_hash({static_cast<const char*>(array.buffers[2]) + begin, end - begin});
    };
    if (layout_ == 'U') return text_from(static_cast<const int64_t*>(array.buffers[1]));
    return text_from(static_cast<const int32_t*>(array.buffers[1]));
}

ListColumn::ListColumn(const SeriesExport& series) : chunks_(series), repeated_(length(series) == 1) {
    const std::string_view format = series.field->format;
    const bool nested = format.size() >= 2 && format[0] == '+' && series.field->n_children == 1;
    layout_ = nested ? format[1] : '\0';
    if (layout_ != 'L' && layout_ != 'l' && layout_ != 'w') refuse(series, "a list of numbers");
    if (layout_ == 'w') width_ = std::stoll(std::string(format.substr(3)));
    const ArrowSchema& items = *series.field->children[0];
    read_ = reader(items);
    if (read_ == nullptr && std::string_view(items.format) != "n") {
        throw std::invalid_argument("column '" + name(series) + "' holds lists of " + type_of(items) +
                                    " where numbers are needed; cast them first");
    }
}

bool ListColumn::read(size_t row, Sample& sample) {
    const Place place = chunks_.find(repeated_ ? 0 : row);
    const ArrowArray& array = *place.array;
    if (!is_valid(array, place.row)) return false;
    const int64_t index = array.offset + place.row;
    int64_t begin, end;
    if (layout_ == 'w') {
        begin = index * width_;
        end = begin + width_;
    } else if (layout_ == 'L') {
        const auto* offsets = static_cast<const int64_t*>(array.buffers[1]);
        begin = offsets[index];
        end = offsets[index + 1];
    } else {
        const auto* offsets = static_cast<const int32_t*>(array.buffers[1]);
        begin = offsets[index];
        end = offsets[index + 1];
    }
    const ArrowArray& items = *array.children[0];
    const auto size = static_cast<size_t>(end - begin);
    sample.values.resize(size);
    sample.present.resize(size);
    for (size_t i = 0; i < size; ++i) {
        const int64_t item = begin + static_cast<int64_t>(i);
        const bool present = read_ != nullptr && is_valid(items, item);
        sample.present[i] = present;
        sample.values[i] = present ? read_(items.buffers[1], items.offset + item) : 0.0;
    }
    return true;
}

}  // namespace simframe
