// Rules and labels from the input: compile what compiles, apply it, and keep the labels sorted,
// each name once, no value empty.
#include "model/relabel.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

using namespace collector;

namespace {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  std::string text() {
    const std::size_t n = std::min<std::size_t>(byte() % 24, left_);
    std::string out(reinterpret_cast<const char*>(data_), n);
    data_ += n;
    left_ -= n;
    return out;
  }
  bool empty() const { return left_ == 0; }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  Input in(data, size);
  model::LabelsBuilder labels;
  for (int n = in.byte() % 8; n > 0; --n) {
    const std::string name = in.text();
    if (!name.empty()) labels.set(name, in.text());
  }
  std::vector<model::RelabelRule> rules;
  while (!in.empty() && rules.size() < 8) {
    model::RelabelRule rule;
    rule.action = static_cast<model::RelabelRule::Action>(in.byte() % 11);
    for (int n = in.byte() % 3; n > 0; --n) rule.source_labels.push_back(in.text());
    rule.separator = in.text();
    rule.regex = in.text();
    rule.modulus = in.byte() + 1;
    rule.target_label = in.text();
    rule.replacement = in.text();
    rules.push_back(std::move(rule));
  }
  const auto compiled = model::RelabelRules::compile(rules);
  if (!compiled) return 0;
  if (!compiled->apply(labels)) return 0;
  const auto& all = labels.all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].second.empty()) std::abort();
    if (i > 0 && !(all[i - 1].first < all[i].first)) std::abort();
  }
  return 0;
}
