// collector.h over Embedded: codes instead of Status, buffers instead of strings.
#include <collector/collector.h>

#include "facade/embedded.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string_view>

struct col_collector {
  std::unique_ptr<collector::facade::Embedded> embedded;
  std::mutex mutex;
  std::string last_error;
};

namespace {

using collector::Code;
using collector::Duration;
using collector::Status;

Duration milliseconds(std::uint32_t ms) { return std::chrono::milliseconds(ms); }

void copy_out(std::string_view text, char* buffer, std::size_t size) {
  if (!buffer || size == 0) return;
  const std::size_t n = std::min(text.size(), size - 1);
  if (n > 0) std::memcpy(buffer, text.data(), n);
  buffer[n] = '\0';
}

int code_of(const Status& status) {
  switch (status.code()) {
    case Code::ok:
      return COL_OK;
    case Code::not_found:
      return COL_ENOTFOUND;
    case Code::resource_exhausted:
    case Code::unavailable:
      return COL_EBUSY;
    case Code::deadline_exceeded:
      return COL_ETIMEDOUT;
    case Code::cancelled:
      return COL_ECLOSED;
    case Code::failed_precondition:
      return COL_EREJECTED;
    default:
      return COL_EINVAL;
  }
}

int finish(col_collector* c, const Status& status) {
  if (!status.ok()) {
    const std::lock_guard lock(c->mutex);
    c->last_error = status.what();
  }
  return code_of(status);
}

constexpr std::string_view kForked = "this process is a fork of the one that opened the handle";

/// Runs `call`, which gives a code. No exception leaves: what may throw is want of memory or
/// threads.
template <class F>
int guarded(F call) noexcept {
  try {
    return call();
  } catch (...) {
    return COL_ENOMEM;
  }
}

/// The same for a handle that must be this process's own.
template <class F>
int with(col_collector* c, F call) noexcept {
  if (!c) return COL_EINVAL;
  if (c->embedded->forked()) return COL_EFORK;
  return guarded([&] { return finish(c, call(*c->embedded)); });
}

}  // namespace

extern "C" {

const char* col_version(void) { return COLLECTOR_VERSION; }

int col_open(const char* config, col_collector** out, char* error, size_t error_size) {
  return col_open_with(config, nullptr, out, error, error_size);
}

int col_open_with(const char* config, const col_options* options, col_collector** out, char* error,
                  size_t error_size) {
  if (!out) return COL_EINVAL;
  *out = nullptr;
  if (!config) {
    copy_out("the configuration is NULL", error, error_size);
    return COL_EINVAL;
  }
  // An older program's struct is shorter: what it lacks is zero.
  col_options given = {};
  if (options && options->size < sizeof options->size) {
    copy_out("col_options has no size", error, error_size);
    return COL_EINVAL;
  }
  if (options) std::memcpy(&given, options, std::min(options->size, sizeof given));
  copy_out("out of memory or threads", error, error_size);
  return guarded([&] {
    auto opened = collector::facade::Embedded::open(
        config, given.memory_limit > 0 ? given.memory_limit : collector::Budget::kNoLimit);
    if (!opened) {
      copy_out(opened.error().what(), error, error_size);
      return code_of(opened.error());
    }
    auto handle = std::make_unique<col_collector>();
    handle->embedded = std::move(*opened);
    *out = handle.release();
    copy_out({}, error, error_size);
    return static_cast<int>(COL_OK);
  });
}

int col_push_metrics(col_collector* c, const char* export_name, const char* text, size_t size) {
  if (!export_name || (!text && size > 0)) return COL_EINVAL;
  return with(c, [&](auto& e) { return e.push_metrics(export_name, std::string(text, size)); });
}

int col_flush(col_collector* c, uint32_t timeout_ms) {
  return with(c, [&](auto& e) { return e.flush(milliseconds(timeout_ms)); });
}

int col_reload(col_collector* c, const char* config) {
  if (!config) return COL_EINVAL;
  return with(c, [&](auto& e) { return e.reload(config); });
}

int col_close(col_collector* c, uint32_t timeout_ms) {
  if (!c) return COL_EINVAL;
  if (c->embedded->forked()) return COL_EFORK;
  const std::unique_ptr<col_collector> owned(c);
  return guarded([&] { return code_of(owned->embedded->close(milliseconds(timeout_ms))); });
}

size_t col_last_error(col_collector* c, char* buffer, size_t size) {
  if (!c) return 0;
  if (c->embedded->forked()) {
    copy_out(kForked, buffer, size);
    return kForked.size();
  }
  const std::lock_guard lock(c->mutex);
  copy_out(c->last_error, buffer, size);
  return c->last_error.size();
}

}  // extern "C"
