#include "base/user_names.hpp"

#include <algorithm>
#include <charconv>

namespace collector::base {
namespace {

constexpr std::size_t kLargestFile = 16U << 20;

}  // namespace

std::optional<std::string> UserNames::of(std::uint32_t uid) {
  if (!fresh_) {
    fresh_ = true;
    auto info = files_.info(path_);
    if (info && info->modified != modified_) {
      auto text = files_.read(path_, kLargestFile);
      if (text) {
        modified_ = info->modified;
        names_.clear();
        for (std::size_t at = 0; at < text->size();) {
          const std::size_t end = std::min(text->find('\n', at), text->size());
          const std::string_view line = std::string_view(*text).substr(at, end - at);
          at = end + 1;
          const std::size_t name = line.find(':');
          const std::size_t password =
              name == std::string_view::npos ? name : line.find(':', name + 1);
          if (password == std::string_view::npos) continue;
          std::uint32_t number = 0;
          const auto parsed =
              std::from_chars(line.data() + password + 1, line.data() + line.size(), number);
          if (parsed.ec == std::errc()) names_.emplace(number, line.substr(0, name));
        }
      }
    }
  }
  const auto at = names_.find(uid);
  if (at == names_.end()) return std::nullopt;
  return at->second;
}

}  // namespace collector::base
