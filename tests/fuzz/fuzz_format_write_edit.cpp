// Edits of remote write requests: the first byte says which version the rest is to be taken for.
// What an edit gives back is a request again, and its numbers are those that were promised.
#include "format/remote_write_edit.hpp"
#include "format/remote_write_v2_edit.hpp"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>

using namespace collector;
using format::RequestCounts;
using format::WriteVersion;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

RequestCounts sum(RequestCounts a, const RequestCounts& b) {
  return {a.samples + b.samples, a.histograms + b.histograms, a.exemplars + b.exemplars};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 16384) return 0;
  const auto version = data[0] & 1 ? WriteVersion::v2 : WriteVersion::v1;
  const std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto counts = format::count_request(version, body);

  for (const auto at : {format::CutAt::series, format::CutAt::source}) {
    const auto halves = format::halve_request(version, body, at);
    if (!halves) continue;
    must(counts.has_value());
    must(sum(halves->first.counts, halves->second.counts) == *counts);
    for (const format::RequestHalf* half : {&halves->first, &halves->second}) {
      const auto again = format::count_request(version, half->body);
      must(again.has_value() && *again == half->counts);
    }
  }
  std::string younger = body;
  const std::int64_t cutoff = 1'700'000'000'000;
  if (const auto gone = format::drop_older(version, younger, cutoff)) {
    const auto left = format::count_request(version, younger);
    must(counts.has_value() && left.has_value() && sum(*left, *gone) == *counts);
    const auto none = format::drop_older(version, younger, cutoff);
    must(none.has_value() && *none == RequestCounts{});
  } else {
    must(younger == body);
  }
  if (version != WriteVersion::v2) return 0;
  if (const auto older = format::to_version_1(body)) {
    const auto again = format::count_request(WriteVersion::v1, older->body);
    must(again.has_value() && *again == older->counts);
    must(counts.has_value());
    must(counts->items() == older->counts.items() + older->custom_buckets);
    must(counts->exemplars == older->counts.exemplars + older->lost_exemplars);
  }
  const std::string_view twice[] = {body, body};
  if (const auto joined = format::RequestJoiner().join(twice)) {
    const auto both = format::count_request(version, *joined);
    if (counts) must(both.has_value() && *both == sum(*counts, *counts));
  }
  return 0;
}
