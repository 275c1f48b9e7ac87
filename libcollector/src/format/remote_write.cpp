#include "format/remote_write.hpp"

#include "wire/compression.hpp"
#include "wire/varint.hpp"

#include <cstring>

namespace collector::format {
namespace {

// Field numbers: prometheus/prompb, remote.proto and types.proto.
constexpr char kTimeSeriesTag = 0x0a;  // WriteRequest.timeseries
constexpr char kMetadataTag = 0x1a;    // WriteRequest.metadata
constexpr char kSamplesTag = 0x12;     // TimeSeries.samples
constexpr char kValueTag = 0x09;       // Sample.value, double
constexpr char kTimestampTag = 0x10;   // Sample.timestamp, int64

std::size_t sample_size(std::int64_t timestamp) {
  return 1 + 8 + 1 + wire::varint_size(static_cast<std::uint64_t>(timestamp));
}

char* put_sample(char* p, std::int64_t timestamp, double value) {
  *p++ = kSamplesTag;
  p = wire::put_varint(p, sample_size(timestamp));
  *p++ = kValueTag;
  std::memcpy(p, &value, sizeof value);
  p += sizeof value;
  *p++ = kTimestampTag;
  return wire::put_varint(p, static_cast<std::uint64_t>(timestamp));
}

/// prometheus.MetricMetadata.MetricType
int wire_type(MetricType type) {
  switch (type) {
    case MetricType::unknown:
      return 0;
    case MetricType::counter:
      return 1;
    case MetricType::gauge:
      return 2;
    case MetricType::histogram:
      return 3;
    case MetricType::gauge_histogram:
      return 4;
    case MetricType::summary:
      return 5;
    case MetricType::info:
      return 6;
    case MetricType::stateset:
      return 7;
  }
  return 0;
}

void put_text(std::string& out, char tag, std::string_view text) {
  if (text.empty()) return;
  char size[10];
  out += tag;
  out.append(size, static_cast<std::size_t>(wire::put_varint(size, text.size()) - size));
  out += text;
}

}  // namespace

void append_write_request(const MetricColumns& columns, std::size_t begin, std::size_t end,
                          const model::SeriesTable& series, std::string& out) {
  constexpr std::size_t kMostOverhead = 1 + 10 + 1 + 10 + 1 + 8 + 1 + 10;
  std::size_t room = 0;
  for (std::size_t i = begin; i < end; ++i)
    room += series.encoded_size(columns.series[i]) + kMostOverhead;
  const std::size_t before = out.size();
  out.resize(before + room);
  char* p = out.data() + before;
  for (std::size_t i = begin; i < end;) {
    const SeriesId id = columns.series[i];
    std::size_t next = i + 1;
    while (next < end && columns.series[next] == id) ++next;
    std::size_t body = series.encoded_size(id);
    for (std::size_t k = i; k < next; ++k) {
      const std::size_t size = sample_size(columns.timestamp[k]);
      body += 1 + wire::varint_size(size) + size;
    }
    *p++ = kTimeSeriesTag;
    p = wire::put_varint(p, body);
    p = series.append_encoded(id, p);
    for (; i < next; ++i) p = put_sample(p, columns.timestamp[i], columns.value[i]);
  }
  out.resize(static_cast<std::size_t>(p - out.data()));
}

std::string encode_remote_write_metadata(const std::vector<Metadata>& metadata) {
  std::string plain, one, body;
  for (const Metadata& m : metadata) {
    one.clear();
    if (const int type = wire_type(m.type); type != 0) {
      one += '\x08';
      one += static_cast<char>(type);
    }
    put_text(one, '\x12', m.family);
    put_text(one, '\x22', m.help);
    put_text(one, '\x2a', m.unit);
    put_text(plain, kMetadataTag, one);
  }
  wire::snappy_compress(plain, body);
  return body;
}

}  // namespace collector::format
