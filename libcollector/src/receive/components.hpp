// The components of this stage; facade/builtin.cpp registers them.
#pragma once

#include <collector/engine/component.hpp>

namespace collector::receive {

Definition prometheus_exporter_blackbox();
Definition prometheus_exporter_process();
Definition prometheus_exporter_self();
Definition prometheus_exporter_static();
Definition prometheus_exporter_unix();
Definition prometheus_receive_http();
Definition prometheus_scrape();

}  // namespace collector::receive
