// The components of this stage; facade/builtin.cpp registers them.
#pragma once

#include <collector/engine/component.hpp>

namespace collector::process {

Definition prometheus_enrich();
Definition prometheus_relabel();

}  // namespace collector::process
