// Answers the same questions as main.go, with our own code.
#include "format/exposition.hpp"
#include "model/relabel.hpp"

#include <nlohmann/json.hpp>

#include <cstring>
#include <iostream>
#include <string>

using namespace collector;
using nlohmann::json;

namespace {

model::RelabelRule::Action action(const std::string& name) {
  using Action = model::RelabelRule::Action;
  const std::map<std::string, Action> known{{"replace", Action::replace},
                                            {"keep", Action::keep},
                                            {"drop", Action::drop},
                                            {"keepequal", Action::keep_equal},
                                            {"dropequal", Action::drop_equal},
                                            {"hashmod", Action::hash_mod},
                                            {"labelmap", Action::label_map},
                                            {"labeldrop", Action::label_drop},
                                            {"labelkeep", Action::label_keep},
                                            {"lowercase", Action::lowercase},
                                            {"uppercase", Action::uppercase}};
  return known.at(name);
}

json relabelled(const json& request) {
  std::vector<model::RelabelRule> rules;
  for (const json& in : request.at("rules")) {
    model::RelabelRule rule;
    rule.action = action(in.at("action"));
    rule.source_labels = in.at("source_labels").get<std::vector<std::string>>();
    rule.separator = in.at("separator");
    rule.regex = in.at("regex");
    rule.modulus = in.at("modulus");
    rule.target_label = in.at("targetlabel");
    rule.replacement = in.at("replacement");
    rules.push_back(std::move(rule));
  }
  const auto compiled = model::RelabelRules::compile(std::move(rules));
  if (!compiled) return {{"ok", false}, {"error", compiled.error().what()}};
  model::LabelsBuilder labels;
  for (const auto& [name, value] : request.at("labels").items())
    labels.set(name, value.get<std::string>());
  const bool kept = compiled->apply(labels);
  json out{{"ok", true}, {"kept", kept}, {"labels", json::object()}};
  if (kept)
    for (const auto& [name, value] : labels.all()) out["labels"][name] = value;
  return out;
}

json parsed(const json& request) {
  const std::string body = request.at("body");
  const bool open = request.at("type").get<std::string>().find("openmetrics") != std::string::npos;
  format::ExpositionReader reader(
      body, open ? format::Exposition::open_metrics : format::Exposition::text);
  json samples = json::array();
  for (;;) {
    const auto line = reader.next();
    if (!line) return {{"ok", false}, {"error", line.error().what()}};
    if (!*line) break;
    if ((*line)->kind != format::ExpositionLine::Kind::sample) continue;
    std::vector<model::Label> labels;
    std::string storage;
    if (Status s = format::ExpositionReader::read_labels((*line)->series, labels, storage); !s.ok())
      return {{"ok", false}, {"error", s.what()}};
    json sample{{"labels", json::object()}, {"timestamp", nullptr}};
    for (const auto& l : labels) sample["labels"][std::string(l.name)] = std::string(l.value);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &(*line)->value, sizeof bits);
    char text[17];
    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(bits));
    sample["value"] = text;
    if ((*line)->timestamp) sample["timestamp"] = *(*line)->timestamp;
    samples.push_back(std::move(sample));
  }
  return {{"ok", true}, {"samples", std::move(samples)}};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const json request = json::parse(line);
    std::cout << (request.at("op") == "relabel" ? relabelled(request) : parsed(request))
                     .dump(-1, ' ', false, json::error_handler_t::replace)
              << '\n';
  }
}
