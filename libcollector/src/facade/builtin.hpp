// The components that come with the library.
#pragma once

#include "pipeline/registry.hpp"

#include <string>

namespace collector::facade {

/// Every built-in component. Built on first use, read only afterwards; any thread.
const pipeline::Registry& builtin_components();

/// The configuration that `collector run` uses without a file: this host's metrics and the
/// collector's own into collector.store, and to `remote_write_url` when it is not empty.
std::string builtin_configuration(const std::string& remote_write_url);

}  // namespace collector::facade
