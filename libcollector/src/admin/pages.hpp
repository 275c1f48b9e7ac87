// The pages of the admin server: rendered here, no script. One thread.
#pragma once

#include <collector/engine/sharding.hpp>

#include "admin/rates.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace collector::admin {

struct PageContext {
  pipeline::Controller& controller;
  const EdgeRates& rates;
  const std::string& prefix;  ///< of every link, without a slash at its end
  const sharding::ProbedMembership* cluster = nullptr;
};

/// The page at `path` (`/`, `/component/ID`, `/targets`, `/store`, `/ledger`, `/clustering`), or
/// nothing. `target` is the request's, for its query.
std::optional<std::string> page(const PageContext& in, std::string_view path,
                                const std::string& target);

std::string store_page(const PageContext& in, const std::string& target);
/// CPU, memory, disk and network of this host as cards; empty when no store has them.
std::string host_panel(const PageContext& in);

}  // namespace collector::admin
