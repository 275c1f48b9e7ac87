// The texts of one remote write 2.0 request, each once, by number. What is known is stamped with
// the number of its request, so that a new one clears nothing. One thread.
#pragma once

#include "base/hash.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace collector::format {

class SymbolTable {
 public:
  /// A new request, whose first symbol is the empty text: absent texts refer to it.
  void begin();
  /// The number of a text, which must stay where it is until the next begin().
  std::uint32_t ref(std::string_view text) {
    const std::uint32_t hash = hash_of(text);
    std::size_t i = hash & (symbols_.size() - 1);
    for (; symbols_[i].request == request_; i = (i + 1) & (symbols_.size() - 1))
      if (symbols_[i].hash == hash && texts_[symbols_[i].ref] == text) return symbols_[i].ref;
    const auto ref = static_cast<std::uint32_t>(texts_.size());
    symbols_[i] = {request_, hash, ref};
    texts_.push_back(text);
    if (2 * texts_.size() > symbols_.size()) grow();
    return ref;
  }
  /// By number.
  const std::vector<std::string_view>& texts() const { return texts_; }

  /// Texts are labels and chosen by targets; an unlucky request costs probes, never content.
  static std::uint32_t hash_of(std::string_view text) {
    return static_cast<std::uint32_t>(base::hash64(text, 0));
  }

 private:
  struct Symbol {
    std::uint32_t request = 0;  ///< of another request when it is not request_
    std::uint32_t hash = 0;
    std::uint32_t ref = 0;
  };
  void grow();

  std::uint32_t request_ = 0;
  std::vector<Symbol> symbols_;  ///< open addressing; a power of two, at most half of it used
  std::vector<std::string_view> texts_;
};

}  // namespace collector::format
