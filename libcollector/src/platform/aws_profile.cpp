#include "platform/aws_profile.hpp"

#include <algorithm>

namespace collector::platform {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

/// The profile that `[section]` begins, or nothing. `prefixed` says whether it was said to be one.
std::string profile_of(std::string_view section, bool credentials, bool& prefixed) {
  prefixed = false;
  if (credentials) return std::string(section);
  if (section == "default") return "default";
  if (section.substr(0, 7) != "profile" || section.size() < 8 ||
      kBlank.find(section[7]) == kBlank.npos)
    return {};
  prefixed = true;
  std::string_view name = trimmed(section.substr(7));
  if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') &&
      name.back() == name.front())
    name = name.substr(1, name.size() - 2);
  return std::string(name);
}

}  // namespace

void read_aws_profiles(std::string_view text, bool credentials,
                       std::map<std::string, AwsProfile>& profiles) {
  AwsProfile* current = nullptr;
  bool default_was_prefixed = false, any = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view content = trimmed(line);
    if (content.empty() || content[0] == '#' || content[0] == ';') continue;
    if (content[0] == '[') {
      const std::size_t close = content.find(']');
      bool prefixed = false;
      const std::string name =
          close == content.npos
              ? std::string()
              : profile_of(trimmed(content.substr(1, close - 1)), credentials, prefixed);
      // [profile default] is the default one, whatever [default] says.
      const bool lesser = name == "default" && !prefixed && default_was_prefixed;
      if (name == "default" && prefixed && !default_was_prefixed) {
        profiles["default"].clear();
        default_was_prefixed = true;
      }
      current = name.empty() || lesser ? nullptr : &profiles[name];
      any = false;
      continue;
    }
    // Indented lines belong to the setting above, which then is none of ours (`s3 =`).
    if (!current || (any && kBlank.find(line[0]) != kBlank.npos)) continue;
    const std::size_t equals = content.find('=');
    if (equals == content.npos) continue;
    any = true;
    std::string key(trimmed(content.substr(0, equals)));
    for (char& c : key)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    std::string_view value = content.substr(equals + 1);
    for (std::size_t i = 1; i < value.size(); ++i)
      if ((value[i] == '#' || value[i] == ';') && kBlank.find(value[i - 1]) != kBlank.npos)
        value = value.substr(0, i);
    (*current)[key] = trimmed(value);
  }
}

}  // namespace collector::platform
