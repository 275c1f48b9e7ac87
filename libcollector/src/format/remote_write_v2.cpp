#include "format/remote_write_v2.hpp"

#include "format/histogram_fields.hpp"

#include <algorithm>
#include <bit>
#include <span>

namespace collector::format {
namespace {

// Fields of io.prometheus.write.v2, as tags.
constexpr std::uint32_t kSymbols = 0x22;            // Request.symbols
constexpr std::uint32_t kTimeSeries = 0x2a;         // Request.timeseries
constexpr std::uint32_t kLabelsRefs = 0x0a;         // TimeSeries.labels_refs, packed uint32
constexpr std::uint32_t kSamples = 0x12;            // TimeSeries.samples
constexpr std::uint32_t kHistograms = 0x1a;         // TimeSeries.histograms
constexpr std::uint32_t kExemplars = 0x22;          // TimeSeries.exemplars
constexpr std::uint32_t kMetadata = 0x2a;           // TimeSeries.metadata
constexpr std::uint32_t kValue = 0x09;              // Sample.value, double
constexpr std::uint32_t kTimestamp = 0x10;          // Sample.timestamp, int64
constexpr std::uint32_t kStart = 0x18;              // Sample.start_timestamp, int64
constexpr std::uint32_t kExemplarRefs = 0x0a;       // Exemplar.labels_refs, packed uint32
constexpr std::uint32_t kExemplarValue = 0x11;      // Exemplar.value, double
constexpr std::uint32_t kExemplarTimestamp = 0x18;  // Exemplar.timestamp, int64
constexpr std::uint32_t kType = 0x08;               // Metadata.type
constexpr std::uint32_t kHelpRef = 0x18;            // Metadata.help_ref
constexpr std::uint32_t kUnitRef = 0x20;            // Metadata.unit_ref

constexpr std::size_t kMostSample = 2 + 9 + 11 + 11;
constexpr std::size_t kMostRef = 5;
constexpr std::size_t kMostMetadata = 2 + 2 + 2 * (1 + kMostRef);
constexpr std::size_t kFirstSize = 256;

/// io.prometheus.write.v2.Metadata.MetricType
std::uint64_t wire_type(MetricType type) {
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

/// The suffixes of the samples that a family of this type is made of (OpenMetrics 1.0).
std::span<const std::string_view> suffixes(MetricType type) {
  static constexpr std::string_view kCounter[] = {"_total", "_created"};
  static constexpr std::string_view kHistogram[] = {"_bucket", "_count", "_sum", "_created"};
  static constexpr std::string_view kGaugeHistogram[] = {"_bucket", "_gcount", "_gsum"};
  static constexpr std::string_view kSummary[] = {"_count", "_sum", "_created"};
  static constexpr std::string_view kInfo[] = {"_info"};
  switch (type) {
    case MetricType::counter:
      return kCounter;
    case MetricType::histogram:
      return kHistogram;
    case MetricType::gauge_histogram:
      return kGaugeHistogram;
    case MetricType::summary:
      return kSummary;
    case MetricType::info:
      return kInfo;
    default:
      return {};
  }
}

}  // namespace

void RemoteWriteV2Encoder::begin(const std::vector<Metadata>* metadata) {
  if (++body_ == 0) {  // after 2^32 bodies, stamps of old ones would look new
    pairs_.assign(pairs_.size(), {});
    names_.assign(names_.size(), {});
    body_ = 1;
  }
  if (pairs_.empty()) {
    pairs_.resize(kFirstSize);
    pair_shift_ = 32 - std::countr_zero(kFirstSize / 8);
  }
  pairs_used_ = 0;
  symbols_.begin();
  families_.clear();
  if (!metadata) return;
  const std::size_t size = std::bit_ceil(2 * metadata->size() + 1);
  if (names_.size() < size) names_.assign(size, {});
  for (const Metadata& family : *metadata) {
    const std::uint32_t hash = SymbolTable::hash_of(family.family);
    std::size_t i = hash & (names_.size() - 1);
    while (names_[i].body == body_) i = (i + 1) & (names_.size() - 1);
    names_[i] = {body_, hash, static_cast<std::uint32_t>(families_.size())};
    families_.push_back({&family});
  }
}

const RemoteWriteV2Encoder::PairRefs& RemoteWriteV2Encoder::learn(
    std::uint32_t pair, const model::SeriesTable& series) {
  if (2 * ++pairs_used_ > pairs_.size()) grow_pairs();
  std::size_t i = home(pair);
  while (pairs_[i].body == body_) i = (i + 1) & (pairs_.size() - 1);
  const model::Label label = series.pair(pair);
  const std::uint32_t family = label.name == model::kNameLabel ? family_of(label.value) : 0;
  return pairs_[i] = {body_, pair, symbols_.ref(label.name), symbols_.ref(label.value), family};
}

void RemoteWriteV2Encoder::grow_pairs() {
  std::vector<PairRefs> old(2 * pairs_.size());
  old.swap(pairs_);
  --pair_shift_;
  for (const PairRefs& known : old) {
    if (known.body != body_) continue;
    std::size_t i = home(known.pair);
    while (pairs_[i].body == body_) i = (i + 1) & (pairs_.size() - 1);
    pairs_[i] = known;
  }
}

std::uint32_t RemoteWriteV2Encoder::family_of(std::string_view name) {
  if (families_.empty()) return 0;
  if (const std::uint32_t whole = find_family(name, {})) return whole;
  const std::size_t cut = name.rfind('_');
  if (cut == std::string_view::npos) return 0;
  return find_family(name.substr(0, cut), name.substr(cut));
}

/// 1 + the place of the family of this name whose samples may have this suffix, or 0.
std::uint32_t RemoteWriteV2Encoder::find_family(std::string_view name,
                                                std::string_view suffix) const {
  const std::uint32_t hash = SymbolTable::hash_of(name);
  for (std::size_t i = hash & (names_.size() - 1); names_[i].body == body_;
       i = (i + 1) & (names_.size() - 1)) {
    if (names_[i].hash != hash) continue;
    const Metadata& metadata = *families_[names_[i].place].metadata;
    if (metadata.family != name) continue;
    const auto allowed = suffixes(metadata.type);
    if (suffix.empty() || std::find(allowed.begin(), allowed.end(), suffix) != allowed.end())
      return names_[i].place + 1;
  }
  return 0;
}

char* RemoteWriteV2Encoder::put_metadata(char* p, Family& family) {
  const Metadata& metadata = *family.metadata;
  if (!family.referenced) {
    family.referenced = true;
    family.help = symbols_.ref(metadata.help);
    family.unit = symbols_.ref(metadata.unit);
  }
  const std::uint64_t type = wire_type(metadata.type);
  char* const stop = p;
  if (family.unit) p = wire::put_tag<kUnitRef>(wire::put_before(p, family.unit));
  if (family.help) p = wire::put_tag<kHelpRef>(wire::put_before(p, family.help));
  if (type) p = wire::put_tag<kType>(wire::put_before(p, type));
  if (p == stop) return p;
  return wire::put_tag<kMetadata>(wire::put_before(p, static_cast<std::size_t>(stop - p)));
}

char* RemoteWriteV2Encoder::put_exemplar(char* p, const Exemplar& exemplar) {
  constexpr std::size_t kMostFields = 4 * (wire::kMostTag + wire::kMostVarint);
  p = writer_.room(p, kMostFields + 2 * exemplar.labels.size() * kMostRef);
  char* const stop = p;
  if (exemplar.timestamp)
    p = wire::put_tag<kExemplarTimestamp>(
        wire::put_before(p, wire::signed_varint(exemplar.timestamp)));
  if (const auto bits = std::bit_cast<std::uint64_t>(exemplar.value))
    p = wire::put_tag<kExemplarValue>(wire::put_fixed(p, bits));
  if (!exemplar.labels.empty()) {
    char* const after = p;
    for (auto label = exemplar.labels.rbegin(); label != exemplar.labels.rend(); ++label) {
      p = wire::put_before(p, symbols_.ref(label->second));
      p = wire::put_before(p, symbols_.ref(label->first));
    }
    p = wire::put_tag<kExemplarRefs>(wire::put_before(p, static_cast<std::size_t>(after - p)));
  }
  return wire::put_tag<kExemplars>(wire::put_before(p, static_cast<std::size_t>(stop - p)));
}

/// What stands behind the samples of a series: metadata and exemplars; and room for `room` bytes
/// and all that end_series() writes.
char* RemoteWriteV2Encoder::begin_series(char* p, const MetricColumns& columns,
                                         const RequestPart& part, SeriesId id, std::size_t room,
                                         const model::SeriesTable& series) {
  const auto pairs = series.pairs(id);
  labels_.resize(2 * pairs.size());
  std::uint32_t family = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const PairRefs& known = refs(pairs[i], series);
    labels_[2 * i] = known.name;
    labels_[2 * i + 1] = known.value;
    family |= known.family;
  }
  room += labels_.size() * kMostRef + 2 * (wire::kMostTag + wire::kMostVarint);
  p = writer_.room(p, kMostMetadata + room);
  if (family) p = put_metadata(p, families_[family - 1]);
  if (exemplars_ == 0) [[likely]]
    return p;
  const auto series_of = [&] { return columns.exemplars[part.exemplars[exemplars_ - 1]].series; };
  while (exemplars_ > 0 && series_of() == id)
    p = put_exemplar(p, columns.exemplars[part.exemplars[--exemplars_]]);
  return writer_.room(p, room);
}

/// The labels, and the length of what was written since `after` bytes were there.
char* RemoteWriteV2Encoder::end_series(char* p, std::size_t after) {
  char* const stop = p;
  for (std::size_t i = labels_.size(); i-- > 0;) p = wire::put_before(p, labels_[i]);
  p = wire::put_tag<kLabelsRefs>(wire::put_before(p, static_cast<std::size_t>(stop - p)));
  return wire::put_tag<kTimeSeries>(wire::put_before(p, writer_.size(p) - after));
}

char* RemoteWriteV2Encoder::put_samples(char* p, const MetricColumns& columns,
                                        const RequestPart& part, std::size_t first, std::size_t end,
                                        const model::SeriesTable& series) {
  const std::size_t behind = writer_.size(p);
  p = begin_series(p, columns, part, columns.series[first], (end - first) * kMostSample, series);
  const bool starts = !columns.start_timestamp.empty();
  for (std::size_t i = end; i-- > first;) {
    char* const after = p;
    if (starts)
      if (const auto ms = static_cast<std::uint64_t>(columns.start_timestamp[i]))
        p = wire::put_tag<kStart>(wire::put_before(p, ms));
    if (const auto ms = static_cast<std::uint64_t>(columns.timestamp[i]))
      p = wire::put_tag<kTimestamp>(wire::put_before(p, ms));
    if (const auto bits = std::bit_cast<std::uint64_t>(columns.value[i]))
      p = wire::put_tag<kValue>(wire::put_fixed(p, bits));
    p = wire::put_tag<kSamples>(wire::put_before(p, static_cast<std::size_t>(after - p)));
  }
  return end_series(p, behind);
}

/// Rows first..end-1 of the part's histograms, which are one series'.
char* RemoteWriteV2Encoder::put_histograms(char* p, const MetricColumns& columns,
                                           const RequestPart& part, std::size_t first,
                                           std::size_t end, const model::SeriesTable& series) {
  const std::size_t behind = writer_.size(p);
  const SeriesId id = columns.histograms[part.histograms[first]].series;
  p = begin_series(p, columns, part, id, 0, series);
  for (std::size_t i = end; i-- > first;) {
    const std::size_t after = writer_.size(p);
    p = put_histogram(p, columns.histograms[part.histograms[i]], true, writer_);
    const std::size_t size = writer_.size(p) - after;
    p = writer_.room(p, wire::kMostTag + wire::kMostVarint);
    p = wire::put_tag<kHistograms>(wire::put_before(p, size));
  }
  p = writer_.room(p, labels_.size() * kMostRef + 2 * (wire::kMostTag + wire::kMostVarint));
  return end_series(p, behind);
}

char* RemoteWriteV2Encoder::put_symbols(char* p) {
  const auto& texts = symbols_.texts();
  std::size_t room = 0;
  for (const std::string_view text : texts)
    room += text.size() + wire::kMostTag + wire::kMostVarint;
  p = writer_.room(p, room);
  for (std::size_t i = texts.size(); i-- > 0;)
    p = wire::put_tag<kSymbols>(wire::put_bytes(p, texts[i]));
  return p;
}

std::string_view RemoteWriteV2Encoder::encode(const MetricColumns& columns, const RequestPart& part,
                                              const model::SeriesTable& series, bool metadata) {
  begin(metadata ? columns.metadata.get() : nullptr);
  exemplars_ = part.exemplars.size();
  char* p = writer_.begin();
  // Backwards, so that lengths and symbols are known when they are written.
  const auto histogram_at = [&](std::size_t i) {
    return columns.histograms[part.histograms[i]].series;
  };
  for (std::size_t end = part.histograms.size(); end > 0;) {
    std::size_t first = end - 1;
    while (first > 0 && histogram_at(first - 1) == histogram_at(end - 1)) --first;
    p = put_histograms(p, columns, part, first, end, series);
    end = first;
  }
  for (std::size_t end = part.end; end > part.begin;) {
    std::size_t first = end - 1;
    while (first > part.begin && columns.series[first - 1] == columns.series[end - 1]) --first;
    p = put_samples(p, columns, part, first, end, series);
    end = first;
  }
  return writer_.finish(put_symbols(p));
}

}  // namespace collector::format
