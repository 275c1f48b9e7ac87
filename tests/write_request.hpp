// Remote-write 1.0 bodies decoded by hand (prompb WriteRequest), apart from our own encoder.
#pragma once

#include "catch.hpp"
#include "wire/compression.hpp"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace collector {

struct WrittenSample {
  std::map<std::string, std::string> labels;
  std::string series;  ///< the labels as they came: `a=b,c=d`
  std::int64_t ms = 0;
  double value = 0;
};

inline std::vector<WrittenSample> decode_write_request(const std::string& body) {
  Reservation charge = Budget().charge(0, "test");
  auto plain = wire::snappy_uncompress(body, 64U << 20, charge);
  REQUIRE(plain);
  std::vector<WrittenSample> out;
  auto varint = [](std::string_view& s) {
    std::uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
      REQUIRE(!s.empty());
      const auto c = static_cast<unsigned char>(s.front());
      s.remove_prefix(1);
      v |= static_cast<std::uint64_t>(c & 0x7f) << shift;
      if (c < 0x80) return v;
    }
  };
  auto part = [&](std::string_view& s) {
    const auto n = varint(s);
    REQUIRE(n <= s.size());
    auto p = s.substr(0, n);
    s.remove_prefix(n);
    return p;
  };
  std::string_view request = *plain;
  while (!request.empty()) {
    if (varint(request) != 0x0a) {
      part(request);
      continue;
    }
    std::string_view series = part(request);
    WrittenSample sample;
    while (!series.empty()) {
      if (varint(series) == 0x0a) {
        std::string_view label = part(series);
        varint(label);
        const std::string name(part(label));
        varint(label);
        const std::string value(part(label));
        sample.series += (sample.series.empty() ? "" : ",") + name + "=" + value;
        sample.labels[name] = value;
        continue;
      }
      std::string_view point = part(series);
      while (!point.empty()) {
        if (varint(point) == 0x09) {
          REQUIRE(point.size() >= 8);
          std::memcpy(&sample.value, point.data(), 8);
          point.remove_prefix(8);
        } else {
          sample.ms = static_cast<std::int64_t>(varint(point));
        }
      }
      out.push_back(sample);
    }
  }
  return out;
}

}  // namespace collector
