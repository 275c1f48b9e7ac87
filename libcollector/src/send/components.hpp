// The components of this stage; facade/builtin.cpp registers them.
#pragma once

#include <collector/engine/component.hpp>

namespace collector::send {

Definition collector_store();
Definition prometheus_echo();
Definition prometheus_remote_write();
/// The same for `collector outbox drain`: it sends what logs below the storage path hold that
/// nobody owns, and keeps nothing of its own.
Definition draining_remote_write();

}  // namespace collector::send
