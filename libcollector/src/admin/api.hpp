// The JSON API under /api/v0/. One thread.
#pragma once

#include "admin/rates.hpp"
#include "syntax/value.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace collector::admin {

/// The answer for `rest`, the path behind /api/v0/: components, components/ID, targets, edges,
/// ledger, store. Nothing when there is no such thing. `target` is the request's, for its query.
std::optional<std::string> api(pipeline::Controller& controller, const EdgeRates& rates,
                               std::string_view rest, const std::string& target);

/// For people: secrets as `(secret)`, capsules and functions by their type.
nlohmann::ordered_json shown(const syntax::Value& value);
/// A component's arguments, shown.
nlohmann::ordered_json shown_arguments(const pipeline::Node& node);

/// A number in the query of a request, at most `most`.
std::size_t query_number(const std::string& target, std::string_view name, std::size_t otherwise,
                         std::size_t most);

}  // namespace collector::admin
