// explain: what a running collector knows about a target, a series or a component.
#include "commands.hpp"

#include "base/system_files.hpp"
#include "net/http_client.hpp"
#include "net/system_loop.hpp"
#include "net/system_network.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace collector::cli {
namespace {

using nlohmann::json;

/// One admin server, asked over HTTP.
class Admin {
 public:
  explicit Admin(std::string server)
      : server_(std::move(server)), network_(loop_), client_(loop_, network_) {
    if (server_.find("://") == std::string::npos) server_ = "http://" + server_;
    while (server_.ends_with('/')) server_.pop_back();
  }

  Result<json> get(const std::string& path) {
    std::optional<Result<net::Response>> answer;
    net::Request request;
    request.method = "GET";
    request.url = server_ + path;
    net::SendOptions options;
    options.timeout = std::chrono::seconds(5);
    spawn(client_.send(std::move(request), options), [&](Result<net::Response> r) {
      answer.emplace(std::move(r));
      loop_.stop();
    });
    if (!answer) loop_.run();
    if (!*answer) return answer->error();
    if ((*answer)->status != 200)
      return Status(from_http((*answer)->status), fmt::format("{}: {}", path, (*answer)->body));
    json parsed = json::parse((*answer)->body, nullptr, false);
    if (parsed.is_discarded()) return Status(Code::data_loss, path + " did not answer with JSON");
    return parsed;
  }

 private:
  std::string server_;
  net::SystemLoop loop_;
  net::SystemNetwork network_;
  net::HttpClient client_;
};

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

bool mentions(const json& value, const std::string& what) {
  return value.dump().find(what) != std::string::npos;
}

void print_object(const json& object) {
  for (const auto& [key, value] : object.items())
    if (!value.is_null() && !(value.is_string() && value.get<std::string>().empty()))
      fmt::print("  {:<18} {}\n", key, text_of(value));
}

/// Every label of the target is one of the series: it comes from there.
bool comes_from(const json& series, const json& target) {
  if (!series.contains("labels") || !target.contains("labels") || target["labels"].empty())
    return false;
  for (const auto& [name, value] : target["labels"].items())
    if (!series["labels"].contains(name) || series["labels"][name] != value) return false;
  return true;
}

const json& list_in(const json& answer, const char* key) {
  return answer.is_object() && answer.contains(key) ? answer[key] : answer;
}

}  // namespace

int explain(const ExplainFlags& flags) {
  Admin admin(flags.server);
  auto targets = admin.get("/api/v0/targets");
  if (!targets) {
    fmt::print(stderr, "collector: no collector answers at {}: {}\n", flags.server,
               targets.error().what());
    return 1;
  }
  bool found = false;
  std::string query;
  for (const char c : flags.what) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) || c == '_' || c == '.')
      query += c;
    else
      query += fmt::format("%{:02X}", u);
  }
  std::vector<json> matched;
  if (auto store = admin.get("/api/v0/store?limit=10&search=" + query)) {
    for (const json& series : list_in(*store, "series")) {
      found = true;
      fmt::print("series\n");
      print_object(series);
      matched.push_back(series);
    }
  }
  for (const json& target : list_in(*targets, "targets")) {
    const bool source = std::any_of(matched.begin(), matched.end(),
                                    [&](const json& s) { return comes_from(s, target); });
    if (!source && !mentions(target, flags.what)) continue;
    found = true;
    fmt::print("{}\n", source ? "target it comes from" : "target");
    print_object(target);
  }
  if (auto components = admin.get("/api/v0/components")) {
    for (const json& component : list_in(*components, "components")) {
      if (!mentions(component, flags.what)) continue;
      found = true;
      fmt::print("component\n");
      print_object(component);
    }
  }
  if (auto ledger = admin.get("/api/v0/ledger"))
    for (const auto& [part, rows] : ledger->items())
      for (const json& row : rows)
        if (mentions(row, flags.what)) {
          found = true;
          fmt::print("ledger, {}\n", part);
          print_object(row);
        }
  if (!found) fmt::print("nothing here is called \"{}\"\n", flags.what);
  return found ? 0 : 1;
}

}  // namespace collector::cli
