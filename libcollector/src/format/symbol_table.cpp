#include "format/symbol_table.hpp"

namespace collector::format {

void SymbolTable::begin() {
  constexpr std::size_t kFirstSize = 256;
  if (symbols_.empty()) symbols_.resize(kFirstSize);
  if (++request_ == 0) {  // after 2^32 requests, stamps of old ones would look new
    symbols_.assign(symbols_.size(), {});
    request_ = 1;
  }
  texts_.clear();
  ref("");
}

void SymbolTable::grow() {
  std::vector<Symbol> old(2 * symbols_.size());
  old.swap(symbols_);
  for (const Symbol& known : old) {
    if (known.request != request_) continue;
    std::size_t i = known.hash & (symbols_.size() - 1);
    while (symbols_[i].request == request_) i = (i + 1) & (symbols_.size() - 1);
    symbols_[i] = known;
  }
}

}  // namespace collector::format
