#include "model/labels.hpp"

#include <algorithm>

namespace collector::model {
namespace {

auto find(std::vector<std::pair<std::string, std::string>>& labels, std::string_view name) {
  return std::lower_bound(labels.begin(), labels.end(), name,
                          [](const auto& l, std::string_view n) { return l.first < n; });
}

bool is_name(std::string_view name, bool colon) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colon && c == ':');
  });
}

}  // namespace

void LabelsBuilder::set(std::string_view name, std::string_view value) {
  if (value.empty()) return erase(name);
  const auto it = find(labels_, name);
  if (it != labels_.end() && it->first == name)
    it->second = std::string(value);
  else
    labels_.emplace(it, std::string(name), std::string(value));
}

void LabelsBuilder::erase(std::string_view name) {
  const auto it = find(labels_, name);
  if (it != labels_.end() && it->first == name) labels_.erase(it);
}

std::string_view LabelsBuilder::get(std::string_view name) const {
  for (const auto& [n, v] : labels_)
    if (n == name) return v;
  return {};
}

void LabelsBuilder::view(std::vector<Label>& out) const {
  out.clear();
  for (const auto& [n, v] : labels_) out.push_back({n, v});
}

bool is_legacy_label_name(std::string_view name) { return is_name(name, false); }
bool is_legacy_metric_name(std::string_view name) { return is_name(name, true); }

}  // namespace collector::model
