#include "receive/unix/host.hpp"

#include "format/number.hpp"

#include <charconv>

namespace collector::receive::unix_host {
namespace {

constexpr std::size_t kLargestFile = 16U << 20;
constexpr std::string_view kBlanks = " \t\r\n\v\f";

}  // namespace

std::string Host::join(std::string_view directory, std::string_view path) {
  std::string joined(directory);
  if (joined.empty() || joined.back() != '/') joined += '/';
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  return joined.append(path);
}

Result<std::string> Host::read(std::string_view directory, std::string_view path) const {
  return seams.files.read(join(directory, path), kLargestFile);
}

std::optional<std::string> Host::sys_text(std::string_view path) const {
  auto text = sys(path);
  if (!text) return std::nullopt;
  return std::string(trim(*text));
}

std::optional<double> Host::sys_number(std::string_view path) const {
  auto text = sys(path);
  if (!text) return std::nullopt;
  return number(trim(*text));
}

std::vector<std::string> Host::sys_names(std::string_view path) const {
  std::vector<std::string> names;
  auto entries = seams.files.list(join(sysfs, path));
  if (!entries) return names;
  for (auto& entry : *entries) names.push_back(std::move(entry.name));
  return names;
}

Status no_data(std::string what) { return {Code::not_found, std::move(what)}; }

std::optional<double> number(std::string_view text) {
  double value = 0;
  if (!format::parse_value(text, value)) return std::nullopt;
  return value;
}

double number_or_zero(std::string_view text) { return number(text).value_or(0); }

std::optional<std::uint64_t> hex_number(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(kBlanks, at)) != std::string_view::npos) {
    const auto end = std::min(text.find_first_of(kBlanks, at), text.size());
    found.push_back(text.substr(at, end - at));
    at = end;
  }
  return found;
}

std::vector<std::string_view> lines(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.empty()) return {};
  return split(text, '\n');
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace collector::receive::unix_host
