// Labels as text: the control path and the first sight of a series. Values only.
#pragma once

#include "wire/utf8.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector::model {

inline constexpr std::string_view kNameLabel = "__name__";

struct Label {
  std::string_view name, value;
};

/// A label set that is being changed: sorted by name, no name twice, no empty value.
class LabelsBuilder {
 public:
  void clear() { labels_.clear(); }
  /// An empty value deletes, as in Prometheus.
  void set(std::string_view name, std::string_view value);
  void erase(std::string_view name);
  /// Empty when there is none.
  std::string_view get(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return labels_; }
  /// The same as views, in order; valid until the next change.
  void view(std::vector<Label>& out) const;

 private:
  std::vector<std::pair<std::string, std::string>> labels_;
};

/// [a-zA-Z_][a-zA-Z0-9_]*
bool is_legacy_label_name(std::string_view name);
/// [a-zA-Z_:][a-zA-Z0-9_:]*
bool is_legacy_metric_name(std::string_view name);
using wire::is_utf8;

}  // namespace collector::model
