// Structured log lines in logfmt or JSON, without the passwords of URLs. A Logger is cheap to copy
// and used on one thread; the LogOutput behind it may be shared between threads.
#pragma once

#include <collector/engine/seams.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector::base {

enum class Level : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { logfmt, json };

/// Takes whole lines, newline included. Any thread; must not throw.
class LogOutput {
 public:
  virtual ~LogOutput() = default;
  virtual void write(std::string_view line) = 0;
};

/// Standard error, unbuffered, one write(2) a line.
class StandardError final : public LogOutput {
 public:
  void write(std::string_view line) override;
};

using LogField = std::pair<std::string_view, std::string_view>;

class Logger {
 public:
  /// `clock` and `output` outlive every copy.
  Logger(const Clock& clock, LogOutput& output, LogFormat format, Level level);

  /// The same logger with fields that every line carries.
  Logger with(std::string key, std::string value) const;
  void configure(LogFormat format, Level level);  ///< for this logger and all that share its origin
  bool enabled(Level level) const;

  /// Equal level, message and carried fields more than 5 times within 10 s are held back; the next
  /// line of that kind after the 10 s says how many in `suppressed`.
  void log(Level level, std::string_view message, std::initializer_list<LogField> fields = {});
  void debug(std::string_view m, std::initializer_list<LogField> f = {}) {
    log(Level::debug, m, f);
  }
  void info(std::string_view m, std::initializer_list<LogField> f = {}) { log(Level::info, m, f); }
  void warn(std::string_view m, std::initializer_list<LogField> f = {}) { log(Level::warn, m, f); }
  void error(std::string_view m, std::initializer_list<LogField> f = {}) {
    log(Level::error, m, f);
  }

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::vector<std::pair<std::string, std::string>> carried_;
};

std::string_view to_string(Level level);

/// 2026-11-24T10:00:00.123456789Z (RFC 3339).
std::string format_time(WallTime time);

}  // namespace collector::base
