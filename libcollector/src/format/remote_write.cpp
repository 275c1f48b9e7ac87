#include "format/remote_write.hpp"

#include "format/histogram_fields.hpp"
#include "wire/compression.hpp"
#include "wire/varint.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace collector::format {
namespace {

// Field numbers: prometheus/prompb, remote.proto and types.proto.
constexpr char kTimeSeriesTag = 0x0a;               // WriteRequest.timeseries
constexpr char kMetadataTag = 0x1a;                 // WriteRequest.metadata
constexpr char kSamplesTag = 0x12;                  // TimeSeries.samples
constexpr char kValueTag = 0x09;                    // Sample.value, double
constexpr char kTimestampTag = 0x10;                // Sample.timestamp, int64
constexpr std::uint32_t kExemplars = 0x1a;          // TimeSeries.exemplars
constexpr std::uint32_t kHistograms = 0x22;         // TimeSeries.histograms
constexpr std::uint32_t kExemplarLabels = 0x0a;     // Exemplar.labels
constexpr std::uint32_t kExemplarValue = 0x11;      // Exemplar.value, double
constexpr std::uint32_t kExemplarTimestamp = 0x18;  // Exemplar.timestamp, int64
constexpr std::uint32_t kLabelName = 0x0a;          // Label.name
constexpr std::uint32_t kLabelValue = 0x12;         // Label.value

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

/// The fields of a sample, of which nearly all of a batch differ in the value only.
class SampleBytes {
 public:
  std::size_t size(std::int64_t timestamp) {
    if (timestamp != timestamp_ || size_ == 0) make(timestamp);
    return size_;
  }
  /// Up to kMost bytes are overwritten.
  char* put(char* p, std::int64_t timestamp, double value) {
    const std::size_t n = size(timestamp);
    std::memcpy(p, bytes_, sizeof bytes_);
    std::memcpy(p + kValueAt, &value, sizeof value);
    return p + n;
  }
  static constexpr std::size_t kMost = 32;

 private:
  static constexpr std::size_t kValueAt = 3;  // behind the tag, a length of one byte, and a tag
  void make(std::int64_t timestamp) {
    timestamp_ = timestamp;
    size_ = static_cast<std::size_t>(put_sample(bytes_, timestamp, 0) - bytes_);
  }
  std::int64_t timestamp_ = 0;
  std::size_t size_ = 0;
  char bytes_[kMost] = {};
};

/// Samples without exemplars, encoded a block at a time.
class SampleEncoder {
 public:
  /// Everything outlives it.
  SampleEncoder(const MetricColumns& columns, const RequestPart& part,
                const model::SeriesTable& series)
      : columns_(columns), series_(series), at_(part.begin), end_(part.end) {
    for (std::size_t i = at_; i < end_;) {
      series.prefetch(columns.series[i]);
      const Run run = run_at(i);
      size_ += 1 + wire::varint_size(run.body) + run.body;
      i = run.end;
    }
  }

  std::size_t size() const { return size_; }
  /// The next wire::kSnappyBlock bytes, at the end the rest, in `block`: memory that is the same
  /// each time.
  std::string_view next(std::string& block) {
    filled_ -= given_;
    std::memmove(block.data(), block.data() + given_, filled_);
    while (filled_ < wire::kSnappyBlock && at_ < end_) {
      const Run run = run_at(at_);
      const std::size_t most = filled_ + run.body + 1 + wire::kMostVarint + kSlack;
      if (block.size() < most) block.resize(std::max(most, wire::kSnappyBlock + kSpare));
      char* const p = encode(run, block.data() + filled_);
      filled_ = static_cast<std::size_t>(p - block.data());
    }
    given_ = std::min(filled_, wire::kSnappyBlock);
    return std::string_view(block).substr(0, given_);
  }
  void append(std::string& out) {
    const std::size_t before = out.size();
    out.resize(before + size_ + kSlack);
    for (char* p = out.data() + before; at_ < end_;) p = encode(run_at(at_), p);
    out.resize(before + size_);
  }

 private:
  static constexpr std::size_t kSlack = model::SeriesTable::kSlack, kSpare = 4096;
  /// Neighbouring samples of one series.
  struct Run {
    std::size_t end = 0, body = 0;
  };
  Run run_at(std::size_t i) {
    const SeriesId id = columns_.series[i];
    Run run{i, series_.encoded_size(id)};
    for (; run.end < end_ && columns_.series[run.end] == id; ++run.end)
      run.body += sample_.size(columns_.timestamp[run.end]);
    return run;
  }
  char* encode(const Run& run, char* p) {
    *p++ = kTimeSeriesTag;
    p = series_.append_encoded(columns_.series[at_], wire::put_varint(p, run.body));
    for (; at_ < run.end; ++at_) p = sample_.put(p, columns_.timestamp[at_], columns_.value[at_]);
    return p;
  }

  static_assert(SampleBytes::kMost <= kSlack);
  SampleBytes sample_;
  const MetricColumns& columns_;
  const model::SeriesTable& series_;
  std::size_t at_, end_, size_ = 0;
  std::size_t filled_ = 0, given_ = 0;  ///< of the block
};

char* put_exemplar(char* p, const Exemplar& exemplar, wire::Writer& writer) {
  constexpr std::size_t kMostLabel = 3 * (wire::kMostTag + wire::kMostVarint);
  std::size_t room = 4 * (wire::kMostTag + wire::kMostVarint);
  for (const auto& [name, value] : exemplar.labels) room += name.size() + value.size() + kMostLabel;
  p = writer.room(p, room);
  char* const stop = p;
  if (exemplar.timestamp)
    p = wire::put_tag<kExemplarTimestamp>(
        wire::put_before(p, wire::signed_varint(exemplar.timestamp)));
  if (const auto bits = std::bit_cast<std::uint64_t>(exemplar.value))
    p = wire::put_tag<kExemplarValue>(wire::put_fixed(p, bits));
  for (auto label = exemplar.labels.rbegin(); label != exemplar.labels.rend(); ++label) {
    char* const after = p;
    if (!label->second.empty()) p = wire::put_tag<kLabelValue>(wire::put_bytes(p, label->second));
    if (!label->first.empty()) p = wire::put_tag<kLabelName>(wire::put_bytes(p, label->first));
    p = wire::put_tag<kExemplarLabels>(wire::put_before(p, static_cast<std::size_t>(after - p)));
  }
  return wire::put_tag<kExemplars>(wire::put_before(p, static_cast<std::size_t>(stop - p)));
}

/// Series whose messages hold more than samples.
class SeriesAppender {
 public:
  SeriesAppender(const MetricColumns& columns, const RequestPart& part,
                 const model::SeriesTable& series, std::string& out)
      : columns_(columns), part_(part), series_(series), out_(out) {}

  void samples(std::size_t begin, std::size_t end) {
    const std::string_view more = extras(columns_.series[begin], {});
    std::size_t size = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t sample = sample_size(columns_.timestamp[i]);
      size += 1 + wire::varint_size(sample) + sample;
    }
    char* p = head(columns_.series[begin], size + more.size());
    for (std::size_t i = begin; i < end; ++i)
      p = put_sample(p, columns_.timestamp[i], columns_.value[i]);
    finish(p, more);
  }
  void histograms(std::span<const std::uint32_t> rows) {
    const SeriesId id = columns_.histograms[rows.front()].series;
    const std::string_view more = extras(id, rows);
    finish(head(id, more.size()), more);
  }
  /// Exemplars that are left: their series have nothing else.
  void lone_exemplars() {
    while (exemplar_ < part_.exemplars.size()) {
      const SeriesId id = columns_.exemplars[part_.exemplars[exemplar_]].series;
      const std::string_view more = extras(id, {});
      finish(head(id, more.size()), more);
    }
  }

 private:
  /// Exemplars of the series, and histograms.
  std::string_view extras(SeriesId id, std::span<const std::uint32_t> rows) {
    char* p = writer_.begin();
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
      const std::size_t after = writer_.size(p);
      p = put_histogram(p, columns_.histograms[*row], false, writer_);
      const std::size_t size = writer_.size(p) - after;
      p = writer_.room(p, wire::kMostTag + wire::kMostVarint);
      p = wire::put_tag<kHistograms>(wire::put_before(p, size));
    }
    const std::size_t first = exemplar_;
    while (exemplar_ < part_.exemplars.size() &&
           columns_.exemplars[part_.exemplars[exemplar_]].series == id)
      ++exemplar_;
    for (std::size_t i = exemplar_; i-- > first;)
      p = put_exemplar(p, columns_.exemplars[part_.exemplars[i]], writer_);
    return writer_.finish(p);
  }
  /// A TimeSeries up to its labels, and room for `more` bytes behind them.
  char* head(SeriesId id, std::size_t more) {
    const std::size_t body = series_.encoded_size(id) + more;
    const std::size_t before = out_.size();
    out_.resize(before + 1 + wire::varint_size(body) + body + model::SeriesTable::kSlack);
    char* p = out_.data() + before;
    *p++ = kTimeSeriesTag;
    return series_.append_encoded(id, wire::put_varint(p, body));
  }
  void finish(char* p, std::string_view more) {
    p = std::copy(more.begin(), more.end(), p);
    out_.resize(static_cast<std::size_t>(p - out_.data()));
  }

  const MetricColumns& columns_;
  const RequestPart& part_;
  const model::SeriesTable& series_;
  std::string& out_;
  wire::Writer writer_;
  std::size_t exemplar_ = 0;
};

}  // namespace

void append_write_request(const MetricColumns& columns, const RequestPart& part,
                          const model::SeriesTable& series, std::string& out) {
  if (part.exemplars.empty()) SampleEncoder(columns, part, series).append(out);
  if (part.exemplars.empty() && part.histograms.empty()) return;
  SeriesAppender appender(columns, part, series, out);
  for (std::size_t i = part.begin; i < part.end && !part.exemplars.empty();) {
    std::size_t next = i + 1;
    while (next < part.end && columns.series[next] == columns.series[i]) ++next;
    appender.samples(i, next);
    i = next;
  }
  for (std::size_t i = 0; i < part.histograms.size();) {
    const auto series_at = [&](std::size_t k) {
      return columns.histograms[part.histograms[k]].series;
    };
    std::size_t next = i + 1;
    while (next < part.histograms.size() && series_at(next) == series_at(i)) ++next;
    appender.histograms(part.histograms.subspan(i, next - i));
    i = next;
  }
  appender.lone_exemplars();
}

bool append_body(std::string_view plain, std::size_t compressed_from, std::string& out) {
  const bool large = plain.size() >= compressed_from;
  if (large)
    wire::snappy_compress(plain, out);
  else
    out += plain;
  return large;
}

bool append_write_body(const MetricColumns& columns, const RequestPart& part,
                       const model::SeriesTable& series, std::size_t compressed_from,
                       std::string& scratch, std::string& out) {
  if (!part.exemplars.empty() || !part.histograms.empty()) {
    scratch.clear();
    append_write_request(columns, part, series, scratch);
    return append_body(scratch, compressed_from, out);
  }
  SampleEncoder samples(columns, part, series);
  const bool large = samples.size() >= compressed_from;
  if (large)
    wire::snappy_compress(samples.size(), [&] { return samples.next(scratch); }, out);
  else
    samples.append(out);
  return large;
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
