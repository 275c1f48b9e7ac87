// C++ over collector.h, inline: exceptions at construction only, everything else returns the code.
#pragma once

#include <collector/collector.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace collector {

/// A running collector. Movable; the destructor closes with one second to drain. Any thread.
class Collector {
 public:
  /// Throws std::runtime_error with the diagnostics when the configuration does not load.
  /// `memory_limit` as in col_options, in bytes; 0: none.
  explicit Collector(const std::string& config, std::uint64_t memory_limit = 0) {
    char error[4096];
    col_options options = {};
    options.size = sizeof options;
    options.memory_limit = memory_limit;
    if (col_open_with(config.c_str(), &options, &handle_, error, sizeof error) != COL_OK)
      throw std::runtime_error(error);
  }
  Collector(Collector&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Collector& operator=(Collector&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Collector() {
    if (handle_) col_close(handle_, 1000);
  }

  /// Prometheus text to the receiver that the configuration exports as `name`; COL_OK or COL_E*.
  int push_metrics(const std::string& name, std::string_view text) {
    return col_push_metrics(handle_, name.c_str(), text.data(), text.size());
  }
  int flush(std::chrono::milliseconds timeout) {
    return col_flush(handle_, static_cast<std::uint32_t>(timeout.count()));
  }
  int reload(const std::string& config) { return col_reload(handle_, config.c_str()); }
  /// Afterwards only the destructor may be called.
  int close(std::chrono::milliseconds timeout) {
    return col_close(std::exchange(handle_, nullptr), static_cast<std::uint32_t>(timeout.count()));
  }
  std::string last_error() const {
    std::string text(col_last_error(handle_, nullptr, 0), '\0');
    col_last_error(handle_, text.data(), text.size() + 1);
    return text;
  }

 private:
  col_collector* handle_ = nullptr;
};

}  // namespace collector
