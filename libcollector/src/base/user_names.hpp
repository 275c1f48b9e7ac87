// Names of this host's users.
#pragma once

#include <collector/engine/seams.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace collector::base {

/// passwd(5), read when it changed. Users that come from elsewhere (NSS) have no name here. One
/// thread.
class UserNames {
 public:
  explicit UserNames(Files& files, std::string path = "/etc/passwd")
      : files_(files), path_(std::move(path)) {}

  std::optional<std::string> of(std::uint32_t uid);
  /// Looks at the file again at the next question.
  void refresh() { fresh_ = false; }

 private:
  Files& files_;
  std::string path_;
  WallTime modified_;
  bool fresh_ = false;
  std::map<std::uint32_t, std::string> names_;
};

}  // namespace collector::base
