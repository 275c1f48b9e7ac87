#include "receive/in_process_exporter.hpp"

#include "pipeline/controller.hpp"

namespace collector::receive {
namespace {

std::string host_name(Files& files) {
  auto name = files.read("/proc/sys/kernel/hostname", 256);
  if (!name) return "localhost";
  while (!name->empty() && name->back() == '\n') name->pop_back();
  return name->empty() ? "localhost" : *name;
}

}  // namespace

StringMap in_process_target(Context& context, std::string job, std::string instance) {
  const std::string& id = context.id();
  if (instance.empty()) instance = host_name(context.seams().files);
  return {{"__address__", std::string(pipeline::kInMemoryAddress)},
          {"__scheme__", "http"},
          {"__metrics_path__", "/api/v0/component/" + id + "/metrics"},
          {"__meta_component_id", id},
          {"__meta_component_name", id.substr(0, id.rfind('.'))},
          {"instance", std::move(instance)},
          {"job", std::move(job)}};
}

bool asks_for_metrics(const net::Request& request) {
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  return path == "/metrics" && (request.method == "GET" || request.method == "HEAD");
}

net::Response exposition(std::string text) {
  net::Response response;
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = std::move(text);
  return response;
}

}  // namespace collector::receive
