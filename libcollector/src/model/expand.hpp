// Templates of replacements, as Go's regexp expands them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace collector::model {

/// Go's regexp.Expand: $name, ${name}, $1, $$; what names no group is empty, a lone $ stays.
/// `groups[i]` is what group i matched.
std::string expand_go(std::string_view text, const re2::RE2& regex,
                      const std::vector<std::string_view>& groups);

}  // namespace collector::model
