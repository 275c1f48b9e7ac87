// discovery.process over a simulated /proc: containers, joins as Alloy's reference page shows them.
#include "catch.hpp"
#include "component_bench.hpp"

#include <collector/engine/testing.hpp>

#include "discover/components.hpp"
#include "discover/target_labels.hpp"

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct World {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  testing::SimulatedFiles files{loop, random};
  LogLines log;
  pipeline::Registry registry;
  std::unique_ptr<pipeline::Controller> controller;

  World() {
    registry.add(discover::discovery_process());
    controller = std::make_unique<pipeline::Controller>(
        Seams{loop, network, files, random}, registry, log, pipeline::Controller::Options{});
    files.put("/etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/bin/false\n");
  }
  ~World() {
    bool ended = false;
    spawn(controller->stop(loop.now() + 5s), [&](bool) { ended = true; });
    loop.run_until([&] { return ended; }, 1min);
    controller.reset();
    loop.run_for(1s);
  }
  void process(int pid, const std::string& command, int uid, const std::string& cgroup) {
    const std::string dir = "/proc/" + std::to_string(pid);
    files.put(dir + "/cmdline", command);
    files.put(dir + "/status", "Name:\tx\nUid:\t" + std::to_string(uid) + "\t0\t0\t0\n");
    files.put(dir + "/cgroup", cgroup);
  }
  std::string targets(const std::string& body) {
    bool done = false;
    spawn(controller->load({{"test", "discovery.process \"p\" {\n" + body + "\n}\n"}}),
          [&](syntax::Diagnostics d) {
            CHECK(d.list().empty());
            done = true;
          });
    REQUIRE(loop.run_until([&] { return done; }, 1min));
    loop.run_for(1s);
    return syntax::to_text(
        controller->find("discovery.process.p")->exports().object().at("targets"));
  }
};

const std::string kNoLinks = "discover_config {\nexe = false\ncwd = false\n";
const std::string kId(64, 'a');

}  // namespace

TEST_CASE("labels of processes, and containers by their cgroup") {
  World w;
  w.files.put("/proc/version", "Linux");
  w.process(7,
            std::string("/bin/web\0--port\0"
                        "80\0",
                        19),
            33, "0::/system.slice/docker-" + kId + ".scope\n");
  w.process(9, "", 4242, "12:cpu:/kubepods/pod1/" + kId + "\n0::/\n");
  CHECK(w.targets(kNoLinks + "}") ==
        "[{__container_id__ = \"" + kId +
            "\", __meta_process_commandline = \"/bin/web --port 80\", __meta_process_uid = \"33\", "
            "__meta_process_username = \"web\", __process_pid__ = \"7\"}, {__container_id__ = \"" +
            kId + "\", __meta_process_uid = \"4242\", __process_pid__ = \"9\"}]");
  CHECK(w.targets(kNoLinks + "uid = false\nusername = false\ncommandline = false\ncontainer_id = "
                             "false\ncgroup_path = true\n}") ==
        "[{__meta_process_cgroup_path = \"0::/system.slice/docker-" + kId +
            ".scope\", __process_pid__ = \"7\"}, {__meta_process_cgroup_path = "
            "\"12:cpu:/kubepods/pod1/" +
            kId + "|0::/\", __process_pid__ = \"9\"}]");
}

TEST_CASE("processes are joined with targets of their container") {
  World w;
  w.process(1, "", 0, "0::/c-" + kId + "\n");
  w.process(2, "", 0, "0::/\n");
  const std::string only = kNoLinks + "uid = false\nusername = false\n}\n";
  CHECK(w.targets(only +
                  "join = [{\"pod\" = \"p1\", \"__meta_kubernetes_pod_container_id\" = "
                  "\"containerd://" +
                  kId +
                  "\"}, {\"pod\" = \"p2\", \"__container_id__\" = \"other\"}, {\"x\" = \"y\"}]") ==
        "[{x = \"y\"}, {__container_id__ = \"" + kId +
            "\", __meta_kubernetes_pod_container_id = \"containerd://" + kId +
            "\", __process_pid__ = \"1\", pod = \"p1\"}, {__process_pid__ = \"2\"}, "
            "{__meta_kubernetes_pod_container_id = \"containerd://" +
            kId + "\", pod = \"p1\"}, {__container_id__ = \"other\", pod = \"p2\"}]");
}

TEST_CASE("names and addresses as Prometheus spells them") {
  CHECK(discover::label_name("app.kubernetes.io/name-1") == "app_kubernetes_io_name_1");
  CHECK(discover::label_name("ü9") == "_9");
  CHECK(discover::host_port("10.0.0.1", 80) == "10.0.0.1:80");
  CHECK(discover::host_port("fe80::1", 80) == "[fe80::1]:80");
}
