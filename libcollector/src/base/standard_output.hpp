// Standard output, for components whose purpose is to print.
#pragma once

#include "base/log.hpp"

namespace collector::base {

/// Unbuffered; waits for a slow reader.
class StandardOutput final : public LogOutput {
 public:
  void write(std::string_view text) override;
};

}  // namespace collector::base
