#include "pipeline/outbox_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

namespace collector::pipeline {
namespace {

Status one_of(std::string_view argument, const std::optional<std::string>& value,
              std::initializer_list<std::string_view> known) {
  if (!value || std::find(known.begin(), known.end(), *value) != known.end()) return {};
  return Status(Code::invalid_argument, fmt::format("{} should be one of \"{}\", is \"{}\"",
                                                    argument, fmt::join(known, "\", \""), *value));
}

}  // namespace

Status OutboxArguments::validate() const {
  constexpr std::int64_t kLeast = 1 << 20;
  if (Status s = one_of("level", level, {"queued", "stored", "synced", "delivered"}); !s.ok())
    return s;
  if (Status s = one_of("full", full, {"block", "drop_oldest"}); !s.ok()) return s;
  if (Status s = one_of("on_auth_error", on_auth_error, {"park", "drop"}); !s.ok()) return s;
  if (size && size->bytes < kLeast)
    return Status(Code::invalid_argument, "size must be at least 1MiB");
  if (path && path->empty()) return Status(Code::invalid_argument, "path must not be empty");
  return {};
}

OutboxArguments OutboxArguments::over(const OutboxArguments& base) const {
  OutboxArguments out = *this;
  if (!out.level) out.level = base.level;
  if (!out.path) out.path = base.path;
  if (!out.size) out.size = base.size;
  if (!out.full) out.full = base.full;
  if (!out.out_of_order) out.out_of_order = base.out_of_order;
  if (!out.on_auth_error) out.on_auth_error = base.on_auth_error;
  return out;
}

}  // namespace collector::pipeline
