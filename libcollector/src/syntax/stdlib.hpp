// Parts of the standard library that deserve files of their own. Pure; errors go to `error`.
#pragma once

#include "syntax/value.hpp"

#include <span>
#include <string>

namespace collector::syntax {

/// Go's fmt.Sprintf for the arguments after the format.
Value format_text(const std::string& format, std::span<const Value> args, Value::CallError* error);

/// Numbers are floating point, whole ones too, unless `integers` keeps those.
Value from_json(const std::string& text, Value::CallError* error, bool integers = false);
Value to_json(const Value& value, Value::CallError* error);
Value from_yaml(const std::string& text, Value::CallError* error);
/// The JSONPath queries of RFC 9535 without functions; always an array.
Value json_path(const std::string& text, const std::string& path, Value::CallError* error);

/// RFC 4648, 4 and 5; padding is required.
Value from_base64(const std::string& text, bool url, Value::CallError* error);
Value to_base64(const std::string& text, bool url);
/// Query escaping: space is `+`.
Value query_escape(const std::string& text);
Value query_unescape(const std::string& text, Value::CallError* error);

}  // namespace collector::syntax
