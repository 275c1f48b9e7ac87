// The components of this stage; facade/builtin.cpp registers them.
#pragma once

#include <collector/engine/component.hpp>

namespace collector::discover {

Definition discovery_consul();
Definition discovery_dns();
Definition discovery_docker();
Definition discovery_file();
Definition discovery_http();
Definition discovery_kubelet();
Definition discovery_kubernetes();
Definition discovery_process();
Definition discovery_relabel();
Definition local_file();
Definition local_file_match();
Definition remote_http();

}  // namespace collector::discover
