// The components of this stage; facade/builtin.cpp registers them.
#pragma once

#include <collector/engine/component.hpp>

namespace collector::send {

Definition collector_store();
Definition prometheus_echo();
Definition prometheus_remote_write();

}  // namespace collector::send
