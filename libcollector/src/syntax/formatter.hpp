// Tree -> canonical text, as `alloy fmt` writes it.
#pragma once

#include "syntax/tree.hpp"

#include <string>

namespace collector::syntax {

/// The whole file, every comment kept, newline at the end. Precondition: it parsed without errors.
/// format(parse(format(f))) == format(f).
std::string format(const File& file);

}  // namespace collector::syntax
