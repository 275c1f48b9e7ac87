// prometheus.WriteRequest (prometheus/prompb, remote.proto and types.proto).
#include "format/remote_write_pass.hpp"
#include "proto/remote_write_v1.hpp"

#include <fmt/format.h>

namespace collector::format {
namespace {

namespace v1 = proto::remote_write_v1;

constexpr std::uint32_t kTimeSeries = 0x0a;  // WriteRequest.timeseries
constexpr std::uint32_t kMetadata = 0x1a;    // WriteRequest.metadata
constexpr std::uint32_t kLabels = 0x0a;      // TimeSeries
constexpr std::uint32_t kSamples = 0x12;
constexpr std::uint32_t kExemplars = 0x1a;
constexpr std::uint32_t kHistograms = 0x22;
constexpr std::uint32_t kName = 0x0a;  // Label
constexpr std::uint32_t kValue = 0x12;

}  // namespace

class RemoteWriteReader::V1Pass : public Pass {
 public:
  using Pass::Pass;

  bool run(Bytes body) {
    const char* p = body.data();
    const char* const end = p + body.size();
    while (p < end) {
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (!p) return false;
      if (tag != kTimeSeries && tag != kMetadata) {
        p = skip(p, end, tag);
        if (!p) return false;
        continue;
      }
      Bytes field;
      p = wire::read_bytes(p, end, field, state_);
      if (!p) return false;
      const bool well = tag == kTimeSeries ? series(field.data(), p) : metadata(field);
      if (!well) return false;
    }
    return true;
  }

 private:
  enum class Points : std::uint8_t { done, failed, late_labels };

  bool series(const char* p, const char* end) {
    const WriteIntake::Mark before = intake_.mark();
    std::size_t length = 0;
    std::optional<SeriesId> id;
    // Senders keep the order of their series: what comes next is mostly what came next before.
    const std::size_t expected = self_.known_.expected_length();
    if (expected > 0 && expected <= static_cast<std::size_t>(end - p) &&
        (p + expected == end || p[expected] != static_cast<char>(kLabels))) {
      id = self_.known_.expected(base::hash128({p, expected}, self_.known_.seed()));
      if (id) length = expected;
    }
    if (!id) {
      const char* q = p;
      while (q < end && *q == static_cast<char>(kLabels)) {
        Bytes label;
        q = wire::read_bytes(q + 1, end, label, state_);
        if (!q) return false;
      }
      length = static_cast<std::size_t>(q - p);
      if (!resolve({p, length}, id)) return false;
    }
    Points found = points(id, p + length, end, false);
    if (found == Points::late_labels) {
      // Labels that do not stand together and first: nobody writes that, and it is legal.
      intake_.rewind(before);
      std::string gathered;
      if (!gather(p, end, gathered) || !resolve(gathered, id)) return false;
      found = points(id, p, end, true);
    }
    return found == Points::done;
  }

  /// False when the labels are no whole message; nothing and why_ when they are no series.
  bool resolve(Bytes labels, std::optional<SeriesId>& id) {
    const base::Hash128 hash = base::hash128(labels, self_.known_.seed());
    id = self_.known_.find(hash);
    if (id) return true;
    self_.labels_.clear();
    const char* p = labels.data();
    const char* const end = p + labels.size();
    while (p < end) {
      Bytes one;
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (p) p = wire::read_bytes(p, end, one, state_);
      model::Label label;
      if (!p || !read_label(one, label)) return false;
      if (self_.labels_.size() == kMostLabels) {
        why_ = fmt::format("a series has more than {} labels", kMostLabels);
        return true;
      }
      self_.labels_.push_back(label);
    }
    id = intake_.intern(self_.labels_, why_);
    if (id) self_.known_.add(hash, labels.size(), *id);
    return true;
  }

  bool read_label(Bytes bytes, model::Label& label) {
    const char* p = bytes.data();
    const char* const end = p + bytes.size();
    while (p < end) {
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (!p) return false;
      if (tag == kName || tag == kValue)
        p = wire::read_bytes(p, end, tag == kName ? label.name : label.value, state_);
      else
        p = skip(p, end, tag);
      if (!p) return false;
    }
    return true;
  }

  /// Every field of labels, one behind the other.
  bool gather(const char* p, const char* end, std::string& out) {
    while (p < end) {
      const char* const start = p;
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (p) p = skip(p, end, tag);
      if (!p) return false;
      if (tag == kLabels) out.append(start, p);
    }
    return true;
  }

  Points points(std::optional<SeriesId> id, const char* p, const char* end, bool labels_known) {
    std::uint64_t refused = 0;
    while (p < end) {
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (!p) return Points::failed;
      if (tag == kLabels && !labels_known) return Points::late_labels;
      if (tag != kSamples && tag != kExemplars && tag != kHistograms) {
        p = skip(p, end, tag);
        if (!p) return Points::failed;
        continue;
      }
      Bytes field;
      p = wire::read_bytes(p, end, field, state_);
      if (!p) return Points::failed;
      if (tag == kSamples) {
        WritePoint point;
        if (!read_point(field.data(), p, point)) return Points::failed;
        point.start_timestamp = 0;
        if (id && !intake_.sample(*id, point)) return Points::failed;
      } else if (!(tag == kExemplars ? exemplar(id, field) : histogram(id, field))) {
        return Points::failed;
      }
      if (!id) ++refused;
    }
    if (!id) intake_.refuse(WriteFault::labels, std::max<std::uint64_t>(refused, 1), why_);
    return Points::done;
  }

  bool exemplar(std::optional<SeriesId> id, Bytes bytes) {
    v1::Exemplar message;
    const wire::DecodeError e = decode(bytes, message);
    if (e == wire::DecodeError::not_utf8) {
      if (id)
        intake_.refuse(
            WriteFault::exemplar, 1,
            "the labels of an exemplar are not UTF-8, of series " + intake_.text_of(*id));
      return true;
    }
    if (e != wire::DecodeError::none) return fail(e);
    if (!id) return true;
    Exemplar out;
    out.timestamp = message.timestamp;
    out.value = message.value;
    for (const v1::Label& label : message.labels) out.labels.emplace_back(label.name, label.value);
    std::sort(out.labels.begin(), out.labels.end());
    return intake_.exemplar(*id, std::move(out));
  }

  bool histogram(std::optional<SeriesId> id, Bytes bytes) {
    v1::Histogram message;
    const wire::DecodeError e = decode(bytes, message);
    if (e != wire::DecodeError::none) return fail(e);
    return !id || intake_.histogram(*id, message, 0);
  }

  bool metadata(Bytes bytes) {
    v1::MetricMetadata message;
    const wire::DecodeError e = decode(bytes, message);
    if (e != wire::DecodeError::none && e != wire::DecodeError::not_utf8) return fail(e);
    const bool taken =
        e == wire::DecodeError::none && options_.metadata && !message.metric_family_name.empty() &&
        options_.metadata->see(
            message.metric_family_name,
            is_known(message.type) ? static_cast<MetricType>(message.type) : MetricType::unknown,
            message.help, message.unit);
    if (!taken) ++intake_.report().metadata_left_out;
    return true;
  }

  std::string why_;  ///< why the series at hand is none
};

Result<WriteReport> RemoteWriteReader::read_v1(std::string_view body, const Options& options,
                                               MetricColumns& out, Reservation& charge) {
  return read<V1Pass>(body, options, out, charge);
}

}  // namespace collector::format
