// What the components of this stage export.
#pragma once

#include <collector/engine/arguments.hpp>

#include <string>
#include <vector>

namespace collector::discover {

struct TargetExports {
  std::vector<StringMap> targets;
  static constexpr auto fields() {
    return std::tuple{attr<&TargetExports::targets>("targets", "The targets that were found.")};
  }
};

/// Text that is a secret where the configuration says so.
struct Content {
  std::string text;
  bool is_secret = false;
};

struct ContentExports {
  Content content;
  static constexpr auto fields() {
    return std::tuple{attr<&ContentExports::content>("content", "What was read last.")};
  }
};

}  // namespace collector::discover

namespace collector::schema {
template <>
struct CodecFor<discover::Content> {
  static const Codec& get();
};
}  // namespace collector::schema
