#include "base/log.hpp"

#include "base/utf8.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include <unistd.h>
#include <ctime>

namespace collector::base {
namespace {

constexpr int kBurst = 5;
constexpr Duration kWindow = std::chrono::seconds(10);
constexpr std::size_t kMostKinds = 4096;

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
    const std::size_t n = utf8_character(text);
    if (n == 0) return true;
    text.remove_prefix(n);
  }
  return false;
}

/// What a target sends may be no UTF-8: such bytes become U+FFFD, so that a line stays readable.
void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    const std::size_t n = utf8_character(text);
    if (n == 0)
      line += "\\ufffd";
    else if (c == '"' || c == '\\')
      line.append(1, '\\').append(1, text[0]);
    else if (c == '\n')
      line += "\\n";
    else if (c < 0x20 || c == 0x7f)
      line += fmt::format("\\u{:04x}", c);
    else
      line += text.substr(0, n);
    text.remove_prefix(n == 0 ? 1 : n);
  }
  line += '"';
}

void append_field(std::string& line, LogFormat format, std::string_view key,
                  std::string_view value) {
  if (format == LogFormat::json) {
    line += line.empty() ? '{' : ',';
    append_quoted(line, key);
    line += ':';
    append_quoted(line, value);
    return;
  }
  if (!line.empty()) line += ' ';
  line += key;
  line += '=';
  if (needs_quotes(value))
    append_quoted(line, value);
  else
    line += value;
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      break;
  }
  return "error";
}

std::string format_time(WallTime time) {
  const std::time_t seconds = static_cast<std::time_t>(time.unix_ns / 1'000'000'000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", fmt::gmtime(seconds),
                     time.unix_ns % 1'000'000'000);
}

void StandardError::write(std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
    if (n <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(n));
  }
}

struct Logger::Shared {
  const Clock& clock;
  LogOutput& output;
  LogFormat format;
  Level level;
  struct Repeat {
    Instant since;
    int lines = 0;
    int suppressed = 0;
  };
  boost::unordered_flat_map<std::string, Repeat> repeats;
};

Logger::Logger(const Clock& clock, LogOutput& output, LogFormat format, Level level)
    : shared_(std::make_shared<Shared>(Shared{clock, output, format, level, {}})) {}

Logger Logger::with(std::string key, std::string value) const {
  Logger child = *this;
  child.carried_.emplace_back(std::move(key), std::move(value));
  return child;
}

void Logger::configure(LogFormat format, Level level) {
  shared_->format = format;
  shared_->level = level;
}

bool Logger::enabled(Level level) const { return level >= shared_->level; }

void Logger::log(Level level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  std::string kind(message);
  for (const auto& [k, v] : carried_) kind.append(1, '\0').append(v);
  if (shared_->repeats.size() > kMostKinds) shared_->repeats.clear();
  Shared::Repeat& repeat = shared_->repeats[kind];
  const Instant now = shared_->clock.now();
  int suppressed = 0;
  if (repeat.lines == 0 || now - repeat.since >= kWindow) {
    suppressed = repeat.suppressed;
    repeat = {now, 0, 0};
  } else if (repeat.lines >= kBurst) {
    ++repeat.suppressed;
    return;
  }
  ++repeat.lines;

  std::string line;
  const LogFormat format = shared_->format;
  append_field(line, format, "ts", format_time(shared_->clock.wall()));
  append_field(line, format, "level", to_string(level));
  append_field(line, format, "msg", message);
  for (const auto& [key, value] : carried_) append_field(line, format, key, value);
  for (const auto& [key, value] : fields) append_field(line, format, key, value);
  if (suppressed > 0) append_field(line, format, "suppressed", std::to_string(suppressed));
  line += format == LogFormat::json ? "}\n" : "\n";
  shared_->output.write(line);
}

}  // namespace collector::base
