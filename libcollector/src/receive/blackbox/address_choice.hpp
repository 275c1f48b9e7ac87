// Which address of a name a module probes.
#pragma once

#include <collector/engine/arguments.hpp>

#include <string>

namespace collector::receive::blackbox {

struct AddressChoice {
  std::string preferred_ip_protocol;  ///< ip6 when empty; whatever else is written means ip4
  bool ip_protocol_fallback = true;

  bool prefers_ip6() const {
    return preferred_ip_protocol.empty() || preferred_ip_protocol == "ip6";
  }
  static constexpr auto fields() {
    using T = AddressChoice;
    return std::tuple{attr<&T::preferred_ip_protocol>("preferred_ip_protocol", ""),
                      attr<&T::ip_protocol_fallback>("ip_protocol_fallback", "")};
  }
};

}  // namespace collector::receive::blackbox
