// Metric families on their way to a text exposition (Prometheus text format 0.0.4). One thread.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace collector::receive {

struct Label {
  std::string_view name, value;
};
using Labels = std::initializer_list<Label>;

class Families {
 public:
  void counter(std::string_view name, std::string_view help, double value, Labels labels = {}) {
    add(name, "counter", help, value, std::span(labels.begin(), labels.size()));
  }
  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {}) {
    add(name, "gauge", help, value, std::span(labels.begin(), labels.size()));
  }
  void untyped(std::string_view name, std::string_view help, double value, Labels labels = {}) {
    add(name, "untyped", help, value, std::span(labels.begin(), labels.size()));
  }
  /// A sample of the family `name`; type and help of its first sample stay.
  void add(std::string_view name, std::string_view type, std::string_view help, double value,
           std::span<const Label> labels);
  /// A sample line as it is, without its line feed.
  void line(std::string_view name, std::string_view type, std::string_view help,
            std::string_view text);
  /// Families by name, samples in the order they came.
  std::string text() const;

 private:
  struct Family {
    std::string name, type, help, lines;
  };
  Family& family(std::string_view name, std::string_view type, std::string_view help);

  std::vector<Family> families_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// Lower and upper case letters, digits and underscores; everything else becomes an underscore.
std::string metric_name(std::string_view text);

}  // namespace collector::receive
