// io.prometheus.write.v2.Request (prometheus/prompb, io/prometheus/write/v2/types.proto).
#include "format/remote_write_pass.hpp"
#include "format/type_label.hpp"
#include "proto/remote_write_v2.hpp"
#include "wire/utf8.hpp"

#include <fmt/format.h>

#include <array>
#include <span>

namespace collector::format {
namespace {

namespace v2 = proto::remote_write_v2;

constexpr std::uint32_t kSymbols = 0x22;     // Request.symbols
constexpr std::uint32_t kTimeSeries = 0x2a;  // Request.timeseries
constexpr std::uint32_t kRefs = 0x0a;        // TimeSeries.labels_refs, packed
constexpr std::uint32_t kOneRef = 0x08;      // and not
constexpr std::uint32_t kSamples = 0x12;
constexpr std::uint32_t kHistograms = 0x1a;
constexpr std::uint32_t kExemplars = 0x22;
constexpr std::uint32_t kMetadata = 0x2a;
constexpr std::uint32_t kType = 0x08;  // Metadata
constexpr std::uint32_t kHelpRef = 0x18;
constexpr std::uint32_t kUnitRef = 0x20;
constexpr std::uint32_t kCreated = 0x30;  // created_timestamp, up to 2.0-rc.3

/// Odd numbers without a pattern, one for each place of a reference (SplitMix64 from 0).
constexpr std::size_t kPlaces = 128;
constexpr std::array<std::uint64_t, kPlaces> kFactors = [] {
  std::array<std::uint64_t, kPlaces> out{};
  std::uint64_t state = 0;
  for (std::uint64_t& factor : out) {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    factor = (z ^ (z >> 31)) | 1;
  }
  return out;
}();

/// Two sums of products over hashes that nobody outside can know: each symbol counts in its place,
/// and no product waits for the one before. Places come round; then the sum of before is mixed.
class SeriesHash {
 public:
  void add(const base::Hash128& h) {
    if (place_ == kPlaces) mix();
    sum_.low += h.low * kFactors[place_];
    sum_.high += h.high * kFactors[place_];
    ++place_;
  }
  base::Hash128 done() {
    mix();
    return sum_;
  }

 private:
  void mix() {
    const auto mixed = [this](std::uint64_t v) {
      v = (v ^ (v >> 32)) * 0xd6e8feb86659fd93 + place_;
      return v ^ (v >> 29);
    };
    sum_ = {mixed(sum_.low), mixed(sum_.high)};
    place_ = 0;
  }
  base::Hash128 sum_;
  std::size_t place_ = 0;
};

}  // namespace

class RemoteWriteReader::V2Pass : public Pass {
 public:
  using Pass::Pass;

  /// Symbols first, wherever they stand.
  bool run(Bytes body) {
    self_.symbols_.clear();
    self_.hashes_.clear();
    self_.refs_.resize(kMostRefs + 1);
    return top_level(body, kSymbols) && top_level(body, kTimeSeries);
  }

 private:
  bool top_level(Bytes body, std::uint32_t wanted) {
    const char* p = body.data();
    const char* const end = p + body.size();
    while (p < end) {
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (!p) return false;
      if (tag != kSymbols && tag != kTimeSeries) {
        p = skip(p, end, tag);
        if (!p) return false;
        continue;
      }
      Bytes field;
      p = wire::read_bytes(p, end, field, state_);
      if (!p) return false;
      if (tag != wanted) continue;
      if (!(tag == kSymbols ? symbol(field) : series(field))) return false;
    }
    return true;
  }

  bool symbol(Bytes text) {
    if (self_.symbols_.size() == self_.symbols_.capacity()) {
      const std::size_t room = std::max<std::size_t>(256, 2 * self_.symbols_.capacity());
      if (!intake_.take(room * (sizeof(Bytes) + sizeof(base::Hash128)))) return false;
      self_.symbols_.reserve(room);
      self_.hashes_.reserve(room);
    }
    self_.symbols_.push_back(text);
    self_.hashes_.push_back(base::hash128(text, self_.known_.seed()));
    return true;
  }

  bool series(Bytes bytes) {
    metadata_ = {};
    created_ = 0;
    if (!read_labels(bytes)) return false;
    std::optional<SeriesId> id;
    const bool refers = refs_are_there();
    WriteFault fault = WriteFault::labels;
    if (refers && metadata_refs_are_there()) {
      id = resolve();
    } else {
      if (refers) fault = WriteFault::metadata;
      why_ = refs_ == kMostRefs ? fmt::format("a series has more than {} labels", kMostLabels)
             : refs_ % 2 != 0
                 ? "a label has no value"
                 : fmt::format("a reference is outside of the {} symbols", self_.symbols_.size());
    }
    std::uint64_t items = 0;
    if (!points(bytes, id, items)) return false;
    if (!id) {
      intake_.refuse(fault, std::max<std::uint64_t>(items, 1), why_);
    } else if (items == 0) {
      intake_.refuse(
          WriteFault::empty, 1,
          "there is neither a sample nor a histogram for series " + intake_.text_of(*id));
    } else {
      describe();
    }
    return true;
  }

  /// What decides which series it is: refs_, metadata_, created_.
  bool read_labels(Bytes bytes) {
    refs_ = 0;
    const char* p = bytes.data();
    const char* const end = p + bytes.size();
    while (p < end) {
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (!p) return false;
      std::uint64_t v = 0;
      Bytes field;
      switch (tag) {
        case kRefs: {
          p = wire::read_bytes(p, end, field, state_);
          if (!p || !read_refs(field.data(), p)) return false;
          break;
        }
        case kOneRef:
          p = wire::read_varint(p, end, v, state_);
          self_.refs_[refs_] = static_cast<std::uint32_t>(v);
          if (refs_ < kMostRefs) ++refs_;
          break;
        case kMetadata: {
          p = wire::read_bytes(p, end, field, state_);
          if (!p) return false;
          if (!read_metadata(field.data(), p)) return false;
          break;
        }
        case kCreated:
          p = wire::read_varint(p, end, v, state_);
          created_ = signed_of(v);
          break;
        default:
          p = skip(p, end, tag);
      }
      if (!p) return false;
    }
    return true;
  }

  bool read_refs(const char* p, const char* end) {
    std::uint32_t* const refs = self_.refs_.data();
    std::size_t n = refs_;
    while (p < end) {
      std::uint64_t v = static_cast<unsigned char>(*p);
      if (v < 0x80) {
        ++p;
      } else if (end - p > 1 && static_cast<signed char>(p[1]) >= 0) {
        v = (v & 0x7f) | static_cast<std::uint64_t>(static_cast<unsigned char>(p[1])) << 7;
        p += 2;
      } else {
        p = wire::read_varint(p, end, v, state_);
        if (!p) return false;
      }
      refs[n] = static_cast<std::uint32_t>(v);
      if (n < kMostRefs) ++n;
    }
    refs_ = n;
    return true;
  }

  bool read_metadata(const char* p, const char* end) {
    while (p < end) {
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (!p) return false;
      std::uint64_t v = 0;
      if (tag != kType && tag != kHelpRef && tag != kUnitRef) {
        p = skip(p, end, tag);
      } else {
        p = wire::read_varint(p, end, v, state_);
        const auto number = static_cast<std::uint32_t>(v);
        (tag == kType      ? metadata_.type
         : tag == kHelpRef ? metadata_.help
                           : metadata_.unit) = number;
      }
      if (!p) return false;
    }
    return true;
  }

  bool refs_are_there() const {
    if (refs_ % 2 != 0) return false;  // too many are an odd number, too
    std::uint32_t most = 0;
    for (const std::uint32_t ref : refs()) most = std::max(most, ref);
    return refs_ == 0 || most < self_.symbols_.size();
  }
  std::span<const std::uint32_t> refs() const { return {self_.refs_.data(), refs_}; }
  bool metadata_refs_are_there() const {
    const auto there = [&](std::uint32_t ref) { return ref == 0 || ref < self_.symbols_.size(); };
    return there(metadata_.help) && there(metadata_.unit);
  }
  Bytes text(std::uint32_t ref) const {
    return ref < self_.symbols_.size() ? self_.symbols_[ref] : Bytes();
  }
  MetricType type() const {
    constexpr auto kMost = static_cast<std::uint32_t>(MetricType::stateset);
    return metadata_.type <= kMost ? static_cast<MetricType>(metadata_.type) : MetricType::unknown;
  }

  std::optional<SeriesId> resolve() {
    SeriesHash hash;
    for (const std::uint32_t ref : refs()) hash.add(self_.hashes_[ref]);
    const Bytes unit = text(metadata_.unit);
    const bool more =
        options_.type_and_unit_labels && (type() != MetricType::unknown || !unit.empty());
    if (more) {
      hash.add({static_cast<std::uint64_t>(type()), 1});
      if (!unit.empty()) hash.add(self_.hashes_[metadata_.unit]);
    }
    const base::Hash128 key = hash.done();
    if (const auto id = self_.known_.find(key)) return id;
    self_.labels_.clear();
    for (std::size_t i = 0; i < refs_; i += 2) {
      const model::Label label{self_.symbols_[self_.refs_[i]], self_.symbols_[self_.refs_[i + 1]]};
      if (!more || (label.name != "__type__" && label.name != "__unit__"))
        self_.labels_.push_back(label);
    }
    if (more && type() != MetricType::unknown)
      self_.labels_.push_back({"__type__", type_label(type())});
    if (more && !unit.empty()) self_.labels_.push_back({"__unit__", unit});
    const auto id = intake_.intern(self_.labels_, why_);
    if (id) self_.known_.add(key, 0, *id);
    return id;
  }

  bool points(Bytes bytes, std::optional<SeriesId> id, std::uint64_t& items) {
    const char* p = bytes.data();
    const char* const end = p + bytes.size();
    while (p < end) {
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (!p) return false;
      if (tag != kSamples && tag != kHistograms && tag != kExemplars) {
        p = skip(p, end, tag);
        if (!p) return false;
        continue;
      }
      Bytes field;
      p = wire::read_bytes(p, end, field, state_);
      if (!p) return false;
      ++items;
      if (tag == kSamples) {
        WritePoint point;
        if (!read_point(field.data(), p, point)) return false;
        if (point.start_timestamp == 0) point.start_timestamp = created_;
        if (id && !intake_.sample(*id, point)) return false;
      } else if (!(tag == kExemplars ? exemplar(id, field) : histogram(id, field))) {
        return false;
      }
    }
    return true;
  }

  bool exemplar(std::optional<SeriesId> id, Bytes bytes) {
    v2::Exemplar message;
    const wire::DecodeError e = decode(bytes, message);
    if (e != wire::DecodeError::none) return fail(e);
    if (!id) return true;
    Exemplar out;
    out.timestamp = message.timestamp;
    out.value = message.value;
    const auto& refs = message.labels_refs;
    bool well = refs.size() % 2 == 0;
    for (std::size_t i = 0; well && i < refs.size(); i += 2) {
      well = std::max(refs[i], refs[i + 1]) < self_.symbols_.size() &&
             wire::is_utf8(text(refs[i])) && wire::is_utf8(text(refs[i + 1]));
      if (well) out.labels.emplace_back(text(refs[i]), text(refs[i + 1]));
    }
    if (!well) {
      intake_.refuse(WriteFault::exemplar, 1,
                     "an exemplar has labels that are not UTF-8 or not there, of series " +
                         intake_.text_of(*id));
      return true;
    }
    std::sort(out.labels.begin(), out.labels.end());
    return intake_.exemplar(*id, std::move(out));
  }

  bool histogram(std::optional<SeriesId> id, Bytes bytes) {
    v2::Histogram message;
    const wire::DecodeError e = decode(bytes, message);
    if (e != wire::DecodeError::none) return fail(e);
    const std::int64_t start = message.start_timestamp != 0 ? message.start_timestamp : created_;
    return !id || intake_.histogram(*id, message, start);
  }

  /// Metadata to whom it is for.
  void describe() {
    const Bytes help = text(metadata_.help), unit = text(metadata_.unit);
    if (type() == MetricType::unknown && help.empty() && unit.empty()) return;
    Bytes name;
    for (std::size_t i = 0; options_.metadata && i < refs_ && name.empty(); i += 2)
      if (self_.symbols_[self_.refs_[i]] == model::kNameLabel)
        name = self_.symbols_[self_.refs_[i + 1]];
    const bool taken = options_.metadata && wire::is_utf8(help) && wire::is_utf8(unit) &&
                       options_.metadata->see(family_of(name, type()), type(), help, unit);
    if (!taken) ++intake_.report().metadata_left_out;
  }

  struct {
    std::uint32_t type = 0, help = 0, unit = 0;
  } metadata_;  ///< of the series at hand; texts by reference
  /// One more than a series may have tells that there were more.
  static constexpr std::size_t kMostRefs = 2 * kMostLabels + 1;
  std::size_t refs_ = 0;  ///< how many of the reader's refs_ are those of the series at hand
  std::int64_t created_ = 0;
  std::string why_;  ///< why the series at hand is none
};

Result<WriteReport> RemoteWriteReader::read_v2(std::string_view body, const Options& options,
                                               MetricColumns& out, Reservation& charge) {
  return read<V2Pass>(body, options, out, charge);
}

}  // namespace collector::format
