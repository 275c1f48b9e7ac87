#include "platform/cloud_credentials.hpp"

#include <cstdlib>

namespace collector::platform {

Environment process_environment() {
  return [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
}

}  // namespace collector::platform
