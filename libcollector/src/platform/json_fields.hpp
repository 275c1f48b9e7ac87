// Members of JSON objects that may be missing, null, or of a type that we did not expect.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace collector::platform {

/// The member, or null.
inline const nlohmann::json& member(const nlohmann::json& object, const char* name) {
  static const nlohmann::json null;
  if (!object.is_object()) return null;
  const auto at = object.find(name);
  return at == object.end() ? null : *at;
}
inline std::string text(const nlohmann::json& object, const char* name) {
  const nlohmann::json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}
inline std::int64_t number(const nlohmann::json& object, const char* name) {
  const nlohmann::json& value = member(object, name);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}
inline bool flag(const nlohmann::json& object, const char* name) {
  const nlohmann::json& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}
/// Its members that are text.
inline std::map<std::string, std::string> texts(const nlohmann::json& object) {
  std::map<std::string, std::string> out;
  if (!object.is_object()) return out;
  for (const auto& [name, value] : object.items())
    if (value.is_string()) out.emplace(name, value.get<std::string>());
  return out;
}
/// Elements of an array, none of anything else.
inline const nlohmann::json::array_t& elements(const nlohmann::json& value) {
  static const nlohmann::json::array_t none;
  return value.is_array() ? value.get_ref<const nlohmann::json::array_t&>() : none;
}

}  // namespace collector::platform
