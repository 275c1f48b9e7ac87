#include "facade/builtin.hpp"

#include "discover/components.hpp"
#include "process/components.hpp"
#include "receive/components.hpp"
#include "send/components.hpp"

#include <nlohmann/json.hpp>

namespace collector::facade {

const pipeline::Registry& builtin_components() {
  static const pipeline::Registry registry = [] {
    pipeline::Registry r;
    r.add(discover::discovery_consul());
    r.add(discover::discovery_dns());
    r.add(discover::discovery_docker());
    r.add(discover::discovery_file());
    r.add(discover::discovery_http());
    r.add(discover::discovery_kubelet());
    r.add(discover::discovery_kubernetes());
    r.add(discover::discovery_process());
    r.add(discover::discovery_relabel());
    r.add(discover::local_file());
    r.add(discover::local_file_match());
    r.add(discover::remote_http());
    r.add(receive::prometheus_exporter_blackbox());
    r.add(receive::prometheus_exporter_process());
    r.add(receive::prometheus_exporter_self());
    r.add(receive::prometheus_exporter_static());
    r.add(receive::prometheus_exporter_unix());
    r.add(receive::prometheus_receive_http());
    r.add(receive::prometheus_scrape());
    r.add(process::prometheus_enrich());
    r.add(process::prometheus_relabel());
    r.add(send::collector_store());
    r.add(send::prometheus_echo());
    r.add(send::prometheus_remote_write());
    return r;
  }();
  return registry;
}

std::string builtin_configuration(const std::string& remote_write_url) {
  std::string text = R"(// Used because no file was given.
prometheus.exporter.unix "host" { }

prometheus.exporter.self "collector" { }

prometheus.scrape "host" {
	targets         = array.concat(prometheus.exporter.unix.host.targets, prometheus.exporter.self.collector.targets)
	scrape_interval = "5s"
	scrape_timeout  = "5s"
	forward_to      = [collector.store.recent.receiver)";
  if (!remote_write_url.empty()) text += ", prometheus.remote_write.out.receiver";
  text += R"(]
}

collector.store "recent" { }
)";
  if (!remote_write_url.empty())
    text += "\nprometheus.remote_write \"out\" {\n\tendpoint {\n\t\turl = " +
            nlohmann::json(remote_write_url)
                .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
            "\n\t}\n}\n";
  return text;
}

}  // namespace collector::facade
