// outbox ls, outbox verify, outbox drain.
#include "commands.hpp"

#include "base/duration.hpp"
#include "base/log.hpp"
#include "base/system_files.hpp"
#include "facade/drain.hpp"
#include "outbox/inspect.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace collector::cli {
namespace {

constexpr int kWrong = 1;
constexpr int kUsage = 2;

/// Of a storage path the outbox in it: to look for logs one level too high would find nothing.
std::string outbox_of(const std::string& path) {
  const std::string inside = path + "/outbox";
  const auto info = base::SystemFiles().info(inside);
  return info && info->kind == FileInfo::Kind::directory ? inside : path;
}

/// Nothing after the reason was printed.
std::optional<std::vector<outbox::LogSummary>> look(const OutboxFlags& flags, bool payloads) {
  base::SystemFiles files;
  if (auto info = files.info(flags.path); !info) {
    fmt::print(stderr, "collector: {}\n", info.error().what());
    return std::nullopt;
  }
  return outbox::inspect_outbox(files, outbox_of(flags.path), payloads);
}

std::string when(std::int64_t ms) {
  return base::format_time(WallTime{ms * 1'000'000}).substr(0, 19) + "Z";
}

std::size_t print_problems(const outbox::LogSummary& log) {
  for (const std::string& problem : log.problems) fmt::print("  {}/{}\n", log.path, problem);
  return log.problems.size();
}

void print(const outbox::LogSummary& log) {
  const auto& to = log.destination;
  fmt::print("{} {} ({}){}\n", log.component, to ? to->name : "-", to ? to->url : "empty",
             to && !to->tenant.empty() ? " tenant " + to->tenant : "");
  fmt::print("  {} requests with {} items wait, {} bytes; {} segments, {} bytes on disk{}\n",
             log.waiting.frames, log.waiting.items, log.waiting.bytes, log.segments, log.size,
             log.owned ? "; a collector is at work" : "");
  if (log.waiting.frames > 0)
    fmt::print("  from {} to {}\n", when(log.oldest_ms), when(log.newest_ms));
  if (log.quarantined > 0)
    fmt::print("  {} refused requests are kept in {}/quarantine\n", log.quarantined, log.path);
}

}  // namespace

int list_outbox(const OutboxFlags& flags) {
  const auto logs = look(flags, false);
  if (!logs) return kUsage;
  for (const outbox::LogSummary& log : *logs) {
    print(log);
    print_problems(log);
  }
  if (logs->empty()) fmt::print("nothing was ever kept in {}\n", flags.path);
  return 0;
}

int verify_outbox(const OutboxFlags& flags) {
  const auto logs = look(flags, true);
  if (!logs) return kUsage;
  std::size_t problems = 0;
  std::uint64_t requests = 0;
  for (const outbox::LogSummary& log : *logs) {
    problems += print_problems(log);
    requests += log.waiting.frames;
  }
  fmt::print("{} logs, {} waiting requests, {} problem{}\n", logs->size(), requests, problems,
             problems == 1 ? "" : "s");
  return problems == 0 ? 0 : kWrong;
}

int drain_outbox(const DrainFlags& flags) {
  facade::DrainOptions options;
  options.paths = {flags.config};
  options.folder = outbox_of(flags.folder);
  const auto patience = base::parse_duration(flags.patience);
  if (!patience) {
    fmt::print(stderr, "collector: \"{}\" is no duration\n", flags.patience);
    return kUsage;
  }
  options.patience = *patience;
  std::string report;
  const auto exit = facade::drain_outbox(options, report);
  fmt::print("{}", report);
  return static_cast<int>(exit);
}

}  // namespace collector::cli
