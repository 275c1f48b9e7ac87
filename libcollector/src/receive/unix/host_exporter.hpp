// Runs the enabled collectors and writes their exposition. One thread.
#pragma once

#include "receive/unix/collectors.hpp"

#include <string>
#include <vector>

namespace collector::receive::unix_host {

class HostExporter {
 public:
  /// The arguments were validated.
  HostExporter(Seams& seams, base::Logger& log, const Arguments& arguments);

  /// One pass over all collectors, as text; says of each how it went and how long it took.
  std::string collect();
  /// Names of the collectors that run.
  std::string enabled() const;

 private:
  struct Running {
    std::string_view name;
    Collect collect;
    std::string last_error;
  };
  Host host_;
  bool about_itself_;
  std::vector<Running> running_;
};

}  // namespace collector::receive::unix_host
