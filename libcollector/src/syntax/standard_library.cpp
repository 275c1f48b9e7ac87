// The standard library (facts: Alloy's reference, stdlib). Functions are stateless and thread-safe.
#include "syntax/evaluator.hpp"
#include "syntax/literal.hpp"
#include "syntax/stdlib.hpp"
#include "syntax/unicode.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace collector::syntax {
namespace {

using Type = Value::Type;
using Error = Value::CallError;
using Args = std::span<const Value>;

Value fail(Error* error, std::string what, int argument = -1) {
  *error = {std::move(what), argument};
  return {};
}

Value wrong_type(Error* error, std::string_view wanted, const Value& got, std::size_t argument) {
  return fail(error, fmt::format("should be {}, is {}", wanted, to_string(got.type())),
              static_cast<int>(argument));
}

/// The argument as text, with the conversions that calls allow; false after an error.
bool text_at(Args args, std::size_t i, std::string& out, Error* error) {
  const Value& v = args[i];
  if (v.type() == Type::string) {
    out = v.string();
    return true;
  }
  if (v.is_null()) {
    out.clear();
    return true;
  }
  if (v.type() == Type::number) {
    out = v.is_float() ? plain_decimal(v.as_float()) : to_text(v);
    return true;
  }
  if (auto open = v.capsule_as<OptionalSecret>(); open && !open->sensitive()) {
    out = open->reveal();
    return true;
  }
  wrong_type(error, "string", v, i);
  return false;
}

bool count_is(Args args, std::size_t wanted, Error* error) {
  if (args.size() == wanted) return true;
  fail(error,
       fmt::format("takes {} argument{}, got {}", wanted, wanted == 1 ? "" : "s", args.size()));
  return false;
}

/// A function of N texts.
template <std::size_t N, class F>
Value text_function(F f) {
  return Value::function([f](Args args, Error* error) -> Value {
    std::string texts[N];
    if (!count_is(args, N, error)) return {};
    for (std::size_t i = 0; i < N; ++i)
      if (!text_at(args, i, texts[i], error)) return {};
    return f(texts, error);
  });
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  for (; !text.empty(); text.remove_prefix(out.back().size()))
    out.push_back(text.substr(0, first_character(text).size));
  return out;
}

std::string replace_all(const std::string& text, const std::string& from, const std::string& to) {
  std::string out;
  if (from.empty()) {
    // Go inserts before every character and at the end.
    for (const std::string_view c : characters(text)) out.append(to).append(c);
    return out + to;
  }
  std::size_t at = 0;
  for (std::size_t hit; (hit = text.find(from, at)) != std::string::npos; at = hit + from.size())
    out.append(text, at, hit - at).append(to);
  return out.append(text, at);
}

Array split(const std::string& text, const std::string& separator) {
  Array out;
  if (separator.empty()) {
    for (const std::string_view c : characters(text)) out.emplace_back(c);
    return out;
  }
  std::size_t at = 0;
  for (std::size_t hit; (hit = text.find(separator, at)) != std::string::npos;
       at = hit + separator.size())
    out.emplace_back(text.substr(at, hit - at));
  out.emplace_back(text.substr(at));
  return out;
}

/// Without the characters at both ends for which `cut` holds.
template <class Cut>
std::string trim(std::string_view text, Cut cut) {
  const std::vector<std::string_view> all = characters(text);
  const auto stays = [&](std::string_view c) { return !cut(first_character(c)); };
  const auto from = std::find_if(all.begin(), all.end(), stays);
  const auto to = std::find_if(all.rbegin(), std::make_reverse_iterator(from), stays).base();
  std::string out;
  for (auto c = from; c != to; ++c) out += *c;
  return out;
}
std::string trim_any(const std::string& text, const std::string& cut) {
  return trim(text, [&](const Character& c) {
    const auto all = characters(cut);
    return std::any_of(all.begin(), all.end(),
                       [&](std::string_view x) { return first_character(x).code == c.code; });
  });
}

/// Go's filepath.Join and Clean: empty parts vanish, `.` and `..` are resolved.
std::string path_join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts)
    if (!part.empty()) joined.append(joined.empty() ? "" : "/").append(part);
  if (joined.empty()) return "";
  const bool rooted = joined[0] == '/';
  std::vector<std::string> out;
  for (const Value& v : split(joined, "/")) {
    const std::string& name = v.string();
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      out.push_back(name);
    } else if (!out.empty() && out.back() != "..") {
      out.pop_back();
    } else if (!rooted) {
      out.push_back(name);
    }
  }
  std::string path = rooted ? "/" : "";
  for (const std::string& name : out)
    path.append(path.empty() || path == "/" ? "" : "/").append(name);
  return path.empty() ? "." : path;
}

Value join(Args args, Error* error) {
  if (!count_is(args, 2, error)) return {};
  if (!args[0].is_null() && args[0].type() != Type::array)
    return wrong_type(error, "array", args[0], 0);
  const Array parts = args[0].is_null() ? Array() : args[0].array();
  std::vector<std::string> texts(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Error inner;
    if (!text_at(parts, i, texts[i], &inner)) return fail(error, inner.what, 0);
  }
  std::string separator;
  if (!text_at(args, 1, separator, error)) return {};
  std::string out;
  for (std::size_t i = 0; i < texts.size(); ++i)
    out.append(i > 0 ? separator : "").append(texts[i]);
  return Value(std::move(out));
}

Value concat(Args args, Error* error) {
  Array out;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i].type() != Type::array) return wrong_type(error, "array", args[i], i);
    out.insert(out.end(), args[i].array().begin(), args[i].array().end());
  }
  return Value(std::move(out));
}

/// Every pair of a left and a right object that agree in all of the keys, joined; the right one
/// wins.
Value combine_maps(Args args, Error* error) {
  if (args.size() != 3 && args.size() != 4)
    return fail(error, fmt::format("takes 3 or 4 arguments, got {}", args.size()));
  for (std::size_t i = 0; i < 3; ++i)
    if (args[i].type() != Type::array) return wrong_type(error, "array", args[i], i);
  for (std::size_t i = 0; i < 2; ++i)
    for (const Value& v : args[i].array())
      if (v.type() != Type::object) return wrong_type(error, "object", v, i);
  if (args[2].array().empty()) return fail(error, "the keys to join by must not be empty", 2);
  for (const Value& v : args[2].array())
    if (v.type() != Type::string) return wrong_type(error, "string", v, 2);
  if (args.size() == 4 && args[3].type() != Type::boolean)
    return wrong_type(error, "bool", args[3], 3);
  const bool keep = args.size() == 4 && args[3].boolean();
  Array out;
  for (const Value& left : args[0].array()) {
    for (const Value& right : args[1].array()) {
      const bool agree =
          std::all_of(args[2].array().begin(), args[2].array().end(), [&](const Value& key) {
            const auto l = left.object().find(key.string());
            const auto r = right.object().find(key.string());
            return l != left.object().end() && r != right.object().end() && l->second == r->second;
          });
      if (agree) {
        Object joined = left.object();
        for (const auto& [key, v] : right.object()) joined[key] = v;
        out.emplace_back(std::move(joined));
      } else if (keep) {
        out.push_back(left);
      }
    }
  }
  return Value(std::move(out));
}

Value group_by(Args args, Error* error) {
  if (!count_is(args, 3, error)) return {};
  if (args[0].type() != Type::array) return wrong_type(error, "array", args[0], 0);
  if (args[1].type() != Type::string) return wrong_type(error, "string", args[1], 1);
  if (args[2].type() != Type::boolean) return wrong_type(error, "bool", args[2], 2);
  // In the order of first appearance.
  std::vector<std::pair<std::string, Array>> groups;
  std::map<std::string, std::size_t> places;
  const auto group = [&](const std::string& name) -> Array& {
    const auto [place, fresh] = places.emplace(name, groups.size());
    if (fresh) groups.emplace_back(name, Array());
    return groups[place->second].second;
  };
  for (const Value& item : args[0].array()) {
    if (item.type() != Type::object) return wrong_type(error, "object", item, 0);
    const auto it = item.object().find(args[1].string());
    if (it == item.object().end()) {
      if (!args[2].boolean()) group("").push_back(item);
      continue;
    }
    if (it->second.type() != Type::string) return wrong_type(error, "string", it->second, 0);
    group(it->second.string()).push_back(item);
  }
  Array out;
  for (auto& [value, items] : groups) {
    Object object{{args[1].string(), Value(value)}};
    object["items"] = Value(std::move(items));
    out.emplace_back(std::move(object));
  }
  return Value(std::move(out));
}

bool is_empty(const Value& v) {
  switch (v.type()) {
    case Type::null:
      return true;
    case Type::number:
      return v.as_float() == 0;
    case Type::string:
      return v.string().empty();
    case Type::boolean:
      return !v.boolean();
    case Type::array:
      return v.array().empty();
    case Type::object:
      return v.object().empty();
    case Type::capsule:
      if (auto s = v.capsule_as<Secret>()) return s->reveal().empty();
      if (auto s = v.capsule_as<OptionalSecret>()) return s->reveal().empty() && !s->sensitive();
      return false;
    case Type::function:
      break;
  }
  return false;
}

Value coalesce(Args args, Error*) {
  for (const Value& v : args)
    if (!is_empty(v)) return v;
  return args.empty() ? Value() : args.back();
}

Value nonsensitive(Args args, Error* error) {
  if (!count_is(args, 1, error)) return {};
  if (auto s = args[0].capsule_as<Secret>()) return Value(s->reveal());
  if (auto s = args[0].capsule_as<OptionalSecret>()) return Value(s->reveal());
  if (args[0].type() == Type::string) return args[0];
  if (args[0].is_null()) return Value("");
  return wrong_type(error, "secret", args[0], 0);
}

Object strings() {
  Object o;
  o["format"] = Value::function([](Args args, Error* error) -> Value {
    std::string format;
    if (args.empty()) return fail(error, "takes at least 1 argument, got 0");
    if (!text_at(args, 0, format, error)) return {};
    return format_text(format, args.subspan(1), error);
  });
  o["join"] = Value::function(join);
  o["replace"] =
      text_function<3>([](std::string* t, Error*) { return Value(replace_all(t[0], t[1], t[2])); });
  o["split"] = text_function<2>([](std::string* t, Error*) { return Value(split(t[0], t[1])); });
  o["to_lower"] = text_function<1>([](std::string* t, Error*) { return Value(to_lower(t[0])); });
  o["to_upper"] = text_function<1>([](std::string* t, Error*) { return Value(to_upper(t[0])); });
  o["trim"] = text_function<2>([](std::string* t, Error*) { return Value(trim_any(t[0], t[1])); });
  o["trim_prefix"] = text_function<2>([](std::string* t, Error*) {
    return Value(t[0].rfind(t[1], 0) == 0 ? t[0].substr(t[1].size()) : t[0]);
  });
  o["trim_suffix"] = text_function<2>([](std::string* t, Error*) {
    const bool ends = t[0].size() >= t[1].size() &&
                      t[0].compare(t[0].size() - t[1].size(), t[1].size(), t[1]) == 0;
    return Value(ends ? t[0].substr(0, t[0].size() - t[1].size()) : t[0]);
  });
  o["trim_space"] = text_function<1>([](std::string* t, Error*) {
    return Value(trim(t[0], [](const Character& c) { return is_space(c.code); }));
  });
  return o;
}

Object encodings() {
  Object o;
  o["from_json"] = text_function<1>([](std::string* t, Error* e) { return from_json(t[0], e); });
  o["from_yaml"] = text_function<1>([](std::string* t, Error* e) { return from_yaml(t[0], e); });
  o["to_json"] = Value::function([](Args args, Error* e) -> Value {
    if (!count_is(args, 1, e)) return {};
    if (args[0].type() != Type::object) return wrong_type(e, "object", args[0], 0);
    return to_json(args[0], e);
  });
  o["from_base64"] =
      text_function<1>([](std::string* t, Error* e) { return from_base64(t[0], false, e); });
  o["from_URLbase64"] =
      text_function<1>([](std::string* t, Error* e) { return from_base64(t[0], true, e); });
  o["to_base64"] = text_function<1>([](std::string* t, Error*) { return to_base64(t[0], false); });
  o["to_URLbase64"] =
      text_function<1>([](std::string* t, Error*) { return to_base64(t[0], true); });
  o["url_encode"] = text_function<1>([](std::string* t, Error*) { return query_escape(t[0]); });
  o["url_decode"] =
      text_function<1>([](std::string* t, Error* e) { return query_unescape(t[0], e); });
  return o;
}

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

constexpr std::string_view architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#else
  return "unknown";
#endif
}

Scope build() {
  Scope scope;
  const Value env = text_function<1>([](std::string* t, Error*) {
    const char* value = std::getenv(t[0].c_str());
    return Value(value ? value : "");
  });
  const Object text = strings();
  const Object encoding = encodings();
  scope.set("constants", Object{{"hostname", Value(host_name())},
                                {"os", Value("linux")},
                                {"arch", Value(architecture())},
                                {"version", Value("v" COLLECTOR_VERSION)}});
  scope.set("coalesce", Value::function(coalesce));
  scope.set("json_path",
            text_function<2>([](std::string* t, Error* e) { return json_path(t[0], t[1], e); }));
  scope.set("sys", Object{{"env", env}});
  scope.set("convert", Object{{"nonsensitive", Value::function(nonsensitive)}});
  scope.set("array", Object{{"concat", Value::function(concat)},
                            {"combine_maps", Value::function(combine_maps)},
                            {"group_by", Value::function(group_by)}});
  scope.set("encoding", encoding);
  scope.set("string", text);
  scope.set("file", Object{{"path_join", Value::function([](Args args, Error* e) -> Value {
                              std::vector<std::string> parts(args.size());
                              for (std::size_t i = 0; i < args.size(); ++i)
                                if (!text_at(args, i, parts[i], e)) return {};
                              return Value(path_join(parts));
                            })}});
  // Deprecated names of the same functions.
  scope.set("env", env);
  scope.set("nonsensitive", Value::function(nonsensitive));
  scope.set("concat", Value::function(concat));
  scope.set("json_decode", encoding.at("from_json"));
  scope.set("yaml_decode", encoding.at("from_yaml"));
  scope.set("base64_decode", encoding.at("from_base64"));
  for (const auto& [name, function] : text) scope.set(name, function);
  return scope;
}

}  // namespace

const Scope& standard_library() {
  static const Scope scope = build();
  return scope;
}

}  // namespace collector::syntax
