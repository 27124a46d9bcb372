// How far the actions of those who share a belief are apart, people beside a panel.
#pragma once

#include "table.hpp"

namespace simframe {

template <size_t lanes>
class Conditional {
  public:
    explicit Conditional(const std::vector<double>& belief) : belief_(belief) {}
    void read(const Column<lanes>& h, const Column<lanes>& s);

    // NaN where undefined.
    Lanes<lanes> divergence{}, coverage{};

  private:
    Groups belief_;
    Column<lanes> by_h_, by_s_, js_;
};

}  // namespace simframe
