// Names that firmware and mount tables give need not be UTF-8; label values have to be.
#pragma once

#include "model/labels.hpp"

#include <string>
#include <string_view>

namespace collector::receive::unix_host {

/// `text` with one U+FFFD for every run of bytes that are no UTF-8.
inline std::string valid_utf8(std::string_view text) {
  if (model::is_utf8(text)) return std::string(text);
  std::string out;
  bool broken = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 1;
    while (size <= 4 && !model::is_utf8(text.substr(at, size))) ++size;
    if (size <= 4)
      out += text.substr(at, size);
    else if (!broken)
      out += "\xEF\xBF\xBD";
    broken = size > 4;
    at += broken ? 1 : size;
  }
  return out;
}

}  // namespace collector::receive::unix_host
