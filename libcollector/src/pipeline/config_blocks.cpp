#include "pipeline/config_blocks.hpp"

namespace collector::pipeline {

Status LoggingArguments::check_level(const std::string& level) {
  for (const char* known : {"debug", "info", "warn", "error"})
    if (level == known) return {};
  return Status(Code::invalid_argument, "should be \"debug\", \"info\", \"warn\" or \"error\"");
}

Status LoggingArguments::check_format(const std::string& format) {
  if (format == "logfmt" || format == "json") return {};
  return Status(Code::invalid_argument, "should be \"logfmt\" or \"json\"");
}

bool HttpAuth::covers(std::string_view path) const {
  if (!basic) return false;
  if (!filter || filter->paths.empty()) return true;
  for (const std::string& begin : filter->paths)
    if (path.starts_with(begin)) return filter->authenticate_matching_paths;
  return !filter->authenticate_matching_paths;
}

}  // namespace collector::pipeline
