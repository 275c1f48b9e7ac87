// Bytes as a request of remote write 1.0 or 2.0, read twice: the second time its series are known.
// Each time what is taken, refused and counted is what libprotobuf's classes say of the same bytes.
#include "remote_write_oracle.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace collector;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 1U << 16) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  format::ReceivedSeries known(table, 7, Budget());
  format::RemoteWriteReader reader(known);
  for (int turn = 0; turn < 2; ++turn) {
    const std::string found =
        data[0] & 1
            ? read_difference<proto::remote_write_v2::Request, io::prometheus::write::v2::Request>(
                  known, reader, bytes, true)
            : read_difference<proto::remote_write_v1::WriteRequest, prometheus::WriteRequest>(
                  known, reader, bytes, false);
    if (found.empty()) continue;
    std::fprintf(stderr, "turn %d: %s\n", turn, found.c_str());
    std::abort();
  }
  return 0;
}
