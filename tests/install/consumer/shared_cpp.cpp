#include <collector/collector.hpp>

#include <cstdio>
#include <stdexcept>

int main() {
  try {
    collector::Collector refused("no.such.component \"x\" { }");
    return 1;
  } catch (const std::runtime_error&) {
    std::printf("%s refused\n", col_version());
  }
  collector::Collector empty("");
  return empty.close(std::chrono::seconds(1)) == COL_OK ? 0 : 2;
}
