#include "base/log.hpp"

#include "base/redact.hpp"
#include "base/utf8.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include <unistd.h>
#include <algorithm>
#include <ctime>

namespace collector::base {
namespace {

constexpr int kBurst = 5;
constexpr Duration kWindow = std::chrono::seconds(10);
constexpr std::size_t kMostKinds = 4096;

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const unsigned char c : text)
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  return false;
}

void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (u < 0x20 || u == 0x7f) {
      line += fmt::format("\\u{:04x}", u);
    } else {
      line += c;
    }
  }
  line += '"';
}

/// What is no UTF-8 becomes U+FFFD, byte by byte: a line is text, whatever a peer sent.
std::string as_text(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t n = utf8_character(bytes);
    text.append(n > 0 ? bytes.substr(0, n) : std::string_view("\xef\xbf\xbd"));
    bytes.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return text;
}

void append_field(std::string& line, LogFormat format, std::string_view key, std::string_view raw) {
  const std::string value = without_passwords(as_text(raw));
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
