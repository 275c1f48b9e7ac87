// What the in-process exporters share: the target that leads a scraper to their page, and the
// page's answer.
#pragma once

#include <collector/engine/component.hpp>

#include "net/http.hpp"

#include <string>
#include <vector>

namespace collector::receive {

struct ExporterExports {
  std::vector<StringMap> targets;
  static constexpr auto fields() {
    return std::tuple{attr<&ExporterExports::targets>("targets", "What to scrape.")};
  }
};

/// The exporter's page as a target, with the host's name as its instance unless `instance` is
/// given.
StringMap in_process_target(Context& context, std::string job, std::string instance = {});

bool asks_for_metrics(const net::Request& request);
net::Response exposition(std::string text);

}  // namespace collector::receive
