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

ReadNumber reader(std::string_view format) {
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
    return nullptr;
}

[[noreturn]] void refuse(const SeriesExport& series, const char* wanted) {
    throw std::invalid_argument("column '" + name(series) + "' holds Arrow type '" + series.field->format +
                                "' where " + wanted + " is needed; cast it first");
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

std::string name(const SeriesExport& series) { return series.field->name == nullptr ? "" : series.field->name; }

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
    : chunks_(series), repeated_(length(series) == 1), read_(reader(series.field->format)) {
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
    read_ = reader(series.field->children[0]->format);
    if (read_ == nullptr && std::string_view(series.field->children[0]->format) != "n") {
        throw std::invalid_argument("column '" + name(series) + "' holds lists of Arrow type '" +
                                    series.field->children[0]->format + "' where numbers are needed; cast them first");
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
