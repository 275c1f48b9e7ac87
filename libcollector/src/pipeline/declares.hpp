// Custom components: what `declare` and `import.*` make available under which name. Values only.
#pragma once

#include "syntax/tree.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace collector::pipeline {

struct Declares;

/// One `declare` block and where it is at home: its body may use the declares around it.
struct Declaration {
  syntax::FilePtr file;
  std::shared_ptr<const syntax::Block> block;
  std::weak_ptr<const Declares> home;
  std::string module_path;  ///< directory of the file it came from, or empty
};

struct Declares {
  std::shared_ptr<const Declares> parent;
  std::map<std::string, Declaration, std::less<>> own;
  std::map<std::string, std::shared_ptr<const Declares>, std::less<>> imported;

  /// `name` or `namespace.name`; null when there is none.
  const Declaration* find(const std::vector<std::string>& parts) const {
    for (const Declares* d = this; d; d = d->parent.get()) {
      if (parts.size() == 1) {
        if (auto it = d->own.find(parts[0]); it != d->own.end()) return &it->second;
      } else if (parts.size() == 2) {
        auto it = d->imported.find(parts[0]);
        if (it == d->imported.end() || !it->second) continue;
        if (auto own = it->second->own.find(parts[1]); own != it->second->own.end())
          return &own->second;
      }
    }
    return nullptr;
  }
  bool has_namespace(std::string_view name) const {
    for (const Declares* d = this; d; d = d->parent.get())
      if (d->imported.contains(name)) return true;
    return false;
  }
};

}  // namespace collector::pipeline
