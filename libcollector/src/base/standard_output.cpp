#include "base/standard_output.hpp"

#include <unistd.h>
#include <cerrno>

namespace collector::base {

void StandardOutput::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace collector::base
