// A regular expression as an argument: compiled when it is read.
#pragma once

#include <collector/engine/arguments.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace collector::receive::blackbox {

/// Go's regexp, searched for and not anchored. Without one nothing is compiled.
struct Pattern {
  std::string text;
  std::shared_ptr<const re2::RE2> regex;

  explicit operator bool() const { return regex != nullptr; }
  bool found_in(std::string_view where) const;
  /// What the whole match and its groups matched; empty when there is no match.
  std::vector<std::string_view> groups_in(std::string_view where) const;
};

}  // namespace collector::receive::blackbox

namespace collector::schema {
template <>
struct CodecFor<receive::blackbox::Pattern> {
  static const Codec& get();
};
}  // namespace collector::schema
