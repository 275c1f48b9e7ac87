// Configuration files from disk.
#pragma once

#include "pipeline/controller.hpp"

#include <string>
#include <vector>

namespace collector::facade {

/// The texts of `paths`: a file as it is, a directory as its *.alloy files (no deeper), `-` not at
/// all. Nothing is left out in silence: an unreadable path is an error.
Result<std::vector<pipeline::SourceText>> read_sources(Files& files,
                                                       const std::vector<std::string>& paths);

}  // namespace collector::facade
