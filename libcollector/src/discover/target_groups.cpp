#include "discover/target_groups.hpp"

#include "model/labels.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

namespace collector::discover {
namespace {

struct Group {
  std::vector<std::string> addresses;
  StringMap labels;
};

Status wrong(std::size_t group, std::string_view what) {
  return {Code::invalid_argument, fmt::format("group {}: {}", group, what)};
}

Result<std::vector<Group>> parse_json(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return Status(Code::invalid_argument, "not valid JSON");
  if (json.is_null()) return std::vector<Group>();
  if (!json.is_array()) return Status(Code::invalid_argument, "not a list of target groups");
  std::vector<Group> groups;
  for (const auto& item : json) {
    const std::size_t n = groups.size();
    if (!item.is_object()) return wrong(n, "not an object");
    Group& group = groups.emplace_back();
    for (const auto& [key, value] : item.items()) {
      if (key == "targets" && value.is_array()) {
        for (const auto& address : value) {
          if (!address.is_string()) return wrong(n, "a target is not a string");
          group.addresses.push_back(address.get<std::string>());
        }
      } else if (key == "labels" && value.is_object()) {
        for (const auto& [name, label] : value.items()) {
          if (!label.is_string()) return wrong(n, "label \"" + name + "\" is not a string");
          group.labels[name] = label.get<std::string>();
        }
      } else if ((key == "targets" || key == "labels") && !value.is_null()) {
        return wrong(n, "\"" + key + "\" has the wrong type");
      } else if (key != "targets" && key != "labels") {
        return wrong(n, "unknown field \"" + key + "\"");
      }
    }
  }
  return groups;
}

Result<std::vector<Group>> parse_yaml(std::string_view text) {
  std::vector<Group> groups;
  try {
    const YAML::Node list = YAML::Load(std::string(text));
    if (list.IsNull()) return groups;
    if (!list.IsSequence()) return Status(Code::invalid_argument, "not a list of target groups");
    for (const YAML::Node& item : list) {
      const std::size_t n = groups.size();
      if (!item.IsMap()) return wrong(n, "not a mapping");
      Group& group = groups.emplace_back();
      for (const auto& field : item) {
        const auto key = field.first.as<std::string>();
        if (key == "targets") {
          for (const YAML::Node& address : field.second)
            group.addresses.push_back(address.as<std::string>());
        } else if (key == "labels") {
          for (const auto& label : field.second)
            group.labels[label.first.as<std::string>()] =
                label.second.IsNull() ? std::string() : label.second.as<std::string>();
        } else {
          return wrong(n, "unknown field \"" + key + "\"");
        }
      }
    }
  } catch (const YAML::Exception& e) {
    return Status(Code::invalid_argument, fmt::format("not valid YAML: {}", e.what()));
  }
  return groups;
}

}  // namespace

Result<std::vector<StringMap>> parse_target_groups(std::string_view text, GroupFormat format,
                                                   const StringMap& extra) {
  auto groups = format == GroupFormat::json ? parse_json(text) : parse_yaml(text);
  if (!groups) return groups.error();
  std::vector<StringMap> targets;
  for (std::size_t n = 0; n < groups->size(); ++n) {
    Group& group = (*groups)[n];
    for (const auto& [name, value] : group.labels)
      if (name.empty() || !model::is_utf8(name) || !model::is_utf8(value))
        return wrong(n, "\"" + name + "\" is not a valid label");
    for (const auto& [name, value] : extra) group.labels[name] = value;
    for (std::string& address : group.addresses) {
      StringMap& target = targets.emplace_back(group.labels);
      target["__address__"] = std::move(address);
    }
  }
  return targets;
}

}  // namespace collector::discover
