// The reference of components, generated from their descriptions: Markdown for people, JSON for
// tools. Pure and byte-stable.
#pragma once

#include <collector/engine/arguments.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace collector::schema {

struct ReferenceEntry {
  std::string_view name, doc;
  const StructInfo* args = nullptr;
  const StructInfo* exports = nullptr;
};

/// One page: arguments, blocks with their paths, exports, and what is refused and why.
std::string reference_markdown(const ReferenceEntry& entry);
/// {"components": {NAME: {arguments, blocks, block_arguments, exports}}}, keys sorted, two-space
/// indent.
std::string reference_json(const std::vector<ReferenceEntry>& entries);

}  // namespace collector::schema
