// File name patterns: Go's filepath.Glob, and with `**` for any number of directories.
#pragma once

#include <collector/engine/seams.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace collector::discover {

/// Whether `path` matches `pattern` whole: `*` and `?` stay within one part of the path, `[a-z]`
/// and `[^a]` are classes, `{a,b}` alternatives, `\` quotes, and a part `**` is any number of
/// parts.
bool glob_match(std::string_view pattern, std::string_view path);
/// Files and directories that match, sorted. Parts without a pattern are not listed, only looked
/// up; symbolic links are followed but for `**`. Directories that cannot be read are left out.
std::vector<std::string> glob(Files& files, const std::string& pattern);
/// False when a bracket or brace is not closed.
bool valid_glob(std::string_view pattern);

}  // namespace collector::discover
