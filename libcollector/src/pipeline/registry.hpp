// The kinds of components that a collector knows. Filled once, then read only.
#pragma once

#include <collector/engine/component.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace collector::pipeline {

class Registry {
 public:
  void add(Definition definition) { by_name_.emplace(definition.name, definition); }
  /// Null when there is none.
  const Definition* find(std::string_view name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : &it->second;
  }
  const std::map<std::string, Definition, std::less<>>& all() const { return by_name_; }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, d] : by_name_) out.push_back(name);
    return out;
  }

 private:
  std::map<std::string, Definition, std::less<>> by_name_;
};

}  // namespace collector::pipeline
