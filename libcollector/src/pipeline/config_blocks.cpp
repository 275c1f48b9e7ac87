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

}  // namespace collector::pipeline
