#include "admin/server.hpp"

#include "admin/api.hpp"
#include "admin/cluster.hpp"
#include "admin/pages.hpp"
#include "admin/rates.hpp"
#include "base/base64.hpp"
#include "net/http_server.hpp"
#include "pipeline/controller.hpp"
#include "pipeline/served_tls.hpp"
#include "sharding/probe_message.hpp"

#include <nlohmann/json.hpp>

namespace collector::admin {
namespace {

net::Response text(int status, std::string body) {
  net::Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(body);
  return response;
}

net::Response json(std::string body) {
  net::Response response;
  response.headers.set("Content-Type", "application/json");
  response.headers.set("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

net::Response html(std::string body) {
  net::Response response;
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                       "base-uri 'none'; frame-ancestors 'none'");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Referrer-Policy", "no-referrer");
  response.body = std::move(body);
  return response;
}

bool is_address(std::string_view host) {
  if (host.starts_with('[')) return host.ends_with(']');
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(0, end + 1);
  }
  return host.substr(0, host.find(':'));
}

/// Takes the same time wherever the texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned different = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    different |= static_cast<unsigned char>(a[i]) ^
                 static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()]);
  return different == 0;
}

bool admitted(const pipeline::HttpBasic& basic, std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic ";
  if (!net::equal_fold(authorization.substr(0, kScheme.size()), kScheme)) return false;
  return equal_in_constant_time(authorization.substr(kScheme.size()),
                                base::base64(basic.username + ':' + basic.password.reveal()));
}

bool starts(std::string_view path, std::string_view prefix) { return path.starts_with(prefix); }

std::string machine_name(Files& files) {
  auto name = files.read("/proc/sys/kernel/hostname", 256);
  if (!name) return {};
  while (!name->empty() && name->back() == '\n') name->pop_back();
  return *name;
}

}  // namespace

bool is_own_host(std::string_view host_header, std::string_view machine_name) {
  const std::string_view host = without_port(host_header);
  return is_address(host) || net::equal_fold(host, "localhost") ||
         (!machine_name.empty() && net::equal_fold(host, machine_name));
}

struct AdminServer::State {
  State(pipeline::Controller& c, Options o)
      : controller(c),
        options(std::move(o)),
        rates(c),
        tls(std::make_shared<pipeline::ServedTls>(c.seams().files, c.log(), "the admin server")),
        machine(machine_name(c.seams().files)) {
    while (options.ui_path_prefix.ends_with('/')) options.ui_path_prefix.pop_back();
    if (options.cluster)
      cluster_metrics = std::make_unique<ClusterMetrics>(controller.metrics(), *options.cluster);
  }

  pipeline::Controller& controller;
  Options options;
  EdgeRates rates;
  std::shared_ptr<pipeline::ServedTls> tls;
  std::string machine;
  std::unique_ptr<ClusterMetrics> cluster_metrics;
  std::unique_ptr<net::HttpServer> server;

  Task<net::Response> answer(net::Request request) {
    const std::string_view target = request.target;
    const std::string path(target.substr(0, target.find('?')));
    if (const auto origin = request.headers.get("Origin"); !origin.empty()) {
      const std::string host(request.headers.get("Host"));
      if (origin != "http://" + host && origin != "https://" + host)
        co_return text(403, "requests of other origins are refused\n");
    }
    if (const auto& auth = controller.http().auth; auth && auth->covers(path))
      if (!admitted(*auth->basic, request.headers.get("Authorization"))) {
        net::Response refused = text(401, "user name and password are needed\n");
        refused.headers.set("WWW-Authenticate", "Basic realm=\"collector\"");
        co_return refused;
      }
    if (path == "/metrics" || path == "/-/ready" || path == "/-/healthy") {
      net::Response probed = probe(path);
      co_return probed;
    }
    // Before the look at Host: nodes know each other by names that are not this machine's own.
    if (path == sharding::kProbePath && options.cluster) {
      net::Response known = answer_probe(*options.cluster, request);
      co_return known;
    }
    if (!is_own_host(request.headers.get("Host"), machine))
      co_return text(403, "this host name is not this machine's: use its address or localhost\n");
    if (path == "/-/reload") {
      net::Response reloaded = co_await reload(request.method);
      co_return reloaded;
    }
    if (starts(path, "/api/v0/component/")) {
      net::Response served = co_await controller.serve_component(std::move(request));
      co_return served;
    }
    if (request.method != "GET" && request.method != "HEAD")
      co_return text(405, "only GET is answered here\n");
    net::Response shown = show(path, request.target);
    co_return shown;
  }

  net::Response probe(std::string_view path) {
    if (path == "/metrics") {
      std::string body;
      controller.metrics().write(body);
      net::Response response = text(200, std::move(body));
      response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
      return response;
    }
    if (path == "/-/ready")
      return controller.ready() ? text(200, "ready\n") : text(503, "not ready\n");
    std::string unhealthy;
    for (pipeline::Node* node : controller.nodes()) {
      const auto state = node->health().report(controller.seams().loop).state;
      if (state != pipeline::HealthReport::State::unhealthy &&
          state != pipeline::HealthReport::State::exited)
        continue;
      unhealthy += unhealthy.empty() ? "unhealthy components: " : ", ";
      unhealthy += node->id();
    }
    return unhealthy.empty() ? text(200, "all components are healthy\n")
                             : text(500, unhealthy + "\n");
  }

  Task<net::Response> reload(const std::string& method) {
    if (method != "POST" && method != "GET") co_return text(405, "use POST\n");
    if (method == "GET") co_return text(405, "a reload changes state: use POST\n");
    Status status = co_await options.reload();
    if (status.ok()) co_return text(200, "config reloaded\n");
    co_return text(400, status.what() + "\n");
  }

  net::Response show(std::string_view path, const std::string& target) {
    if (path == "/api/v0/cluster")
      return json(cluster_json(options.cluster, controller.seams().loop.now())
                      .dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                  "\n");
    if (starts(path, "/api/v0/")) {
      auto body = api(controller, rates, path.substr(8), target);
      return body ? json(std::move(*body)) : text(404, "there is nothing here\n");
    }
    std::string_view rest = path;
    const std::string& prefix = options.ui_path_prefix;
    if (!starts(rest, prefix)) return text(404, "there is nothing here\n");
    rest.remove_prefix(prefix.size());
    auto body = page({controller, rates, prefix, options.cluster}, rest, target);
    return body ? html(std::move(*body)) : text(404, "there is no such page\n");
  }
};

AdminServer::AdminServer(pipeline::Controller& controller, Options options)
    : state_(std::make_shared<State>(controller, std::move(options))) {}
AdminServer::~AdminServer() { close(); }

Status AdminServer::reload() {
  const auto context = state_->tls->now(state_->controller.http().tls);
  return context ? Status() : context.error();
}

Status AdminServer::listen() {
  if (Status s = reload(); !s.ok()) return s;
  auto listener =
      state_->controller.seams().network.listen(state_->options.address, state_->options.port);
  if (!listener) return listener.error();
  net::HttpServer::Options options;
  options.budget = state_->controller.seams().budget;
  options.admission = [state = state_](std::unique_ptr<Stream> stream, std::stop_token stop) {
    return pipeline::ServedTls::admit(state->tls, state->controller.http().tls, std::move(stream),
                                      std::move(stop));
  };
  state_->server = std::make_unique<net::HttpServer>(
      state_->controller.seams().loop,
      [state = state_](net::Request request) { return state->answer(std::move(request)); },
      std::move(options));
  state_->server->serve(std::move(*listener));
  state_->rates.start();
  return {};
}

std::uint16_t AdminServer::port() const { return state_->server ? state_->server->port() : 0; }

void AdminServer::close() {
  state_->rates.stop();
  if (state_->server) state_->server->close();
  state_->server = nullptr;
}

}  // namespace collector::admin
