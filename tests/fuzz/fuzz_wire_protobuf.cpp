// Bytes as one of the three messages that we read: taken by us and by libprotobuf with the same
// content, before and after our encoder, or by neither.
#include "protobuf_oracle.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace collector;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 1U << 16) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  std::string found;
  switch (data[0] % 3) {
    case 0:
      found = difference<proto::remote_write_v1::WriteRequest, prometheus::WriteRequest>(bytes);
      break;
    case 1:
      found =
          difference<proto::remote_write_v2::Request, io::prometheus::write::v2::Request>(bytes);
      break;
    default:
      found = difference<proto::metric_family::MetricFamily, io::prometheus::client::MetricFamily>(
          bytes);
  }
  if (!found.empty()) {
    std::fprintf(stderr, "%s\n", found.c_str());
    std::abort();
  }
  return 0;
}
