// Which devices a collector reports, by two expressions as node_exporter has them. Immutable.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <string_view>

namespace collector::receive::unix_host {

class DeviceFilter {
 public:
  /// Empty expressions are no filter. Expressions were validated; they match anywhere in a name.
  DeviceFilter(const std::string& exclude, const std::string& include)
      : exclude_(exclude.empty() ? nullptr : std::make_shared<re2::RE2>(exclude)),
        include_(include.empty() ? nullptr : std::make_shared<re2::RE2>(include)) {}

  bool ignored(std::string_view name) const {
    return (exclude_ && matches(*exclude_, name)) || (include_ && !matches(*include_, name));
  }

 private:
  static bool matches(const re2::RE2& expression, std::string_view name) {
    return re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), expression);
  }
  std::shared_ptr<const re2::RE2> exclude_, include_;
};

}  // namespace collector::receive::unix_host
