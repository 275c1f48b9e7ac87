// Where the readers of remote write put what they find: the columns of a batch, checked as a
// Prometheus that receives checks (storage/remote, write_handler.go) and on the account of a
// reservation before there is memory for it. One thread.
#pragma once

#include <collector/engine/signals.hpp>

#include "format/native_histogram_check.hpp"
#include "model/series_table.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace collector::format {

/// Why a part of a request is refused.
enum class WriteFault : std::uint8_t {
  labels,     ///< No name, not UTF-8, an empty label name, one twice, or a reference to nowhere.
  ahead,      ///< The timestamp is more than ten minutes ahead of ours.
  histogram,  ///< Its buckets contradict one another.
  exemplar,   ///< Its labels are not UTF-8, or refer to nowhere.
  empty,      ///< A series of 2.0 has neither samples nor histograms nor exemplars.
  metadata,   ///< Refers to nowhere: its series is refused with it.
};
inline constexpr std::size_t kWriteFaults = 6;
std::string_view to_string(WriteFault fault);

/// What became of a request.
struct WriteReport {
  std::uint64_t samples = 0, histograms = 0, exemplars = 0;  ///< in the columns
  /// Samples, histograms and exemplars that are not; of `empty`, series.
  std::array<std::uint64_t, kWriteFaults> refused{};
  std::uint64_t metadata_left_out = 0;  ///< not asked for, not UTF-8, or there was no room
  std::string first;                    ///< a sentence about the first that was refused

  std::uint64_t all_refused() const;
};

/// One point of a series as it is on the wire.
struct WritePoint {
  double value = 0;
  std::int64_t timestamp = 0;        ///< ms
  std::int64_t start_timestamp = 0;  ///< ms; 0: unknown
};

class WriteIntake {
 public:
  /// Points later than `latest_ms` are refused. `charge` grows by what the columns take.
  WriteIntake(model::SeriesTable& table, MetricColumns& columns, Reservation& charge,
              std::int64_t latest_ms)
      : table_(table), columns_(columns), charge_(charge), latest_(latest_ms) {}

  /// The series of these labels in any order, with a reference that the caller gives back; nothing,
  /// and `why` says why, when they are none that Prometheus takes.
  std::optional<SeriesId> intern(std::vector<model::Label>& labels, std::string& why);

  // False: there is no room, status() says so.
  bool sample(SeriesId id, const WritePoint& point) {
    if (point.timestamp > latest_) return ahead(id, point.timestamp);
    if (columns_.series.size() == columns_.series.capacity() && !grow()) return false;
    columns_.series.push_back(id);
    columns_.timestamp.push_back(point.timestamp);
    columns_.value.push_back(point.value);
    if (point.start_timestamp != 0 || !columns_.start_timestamp.empty()) {
      columns_.start_timestamp.resize(columns_.series.size() - 1, 0);
      columns_.start_timestamp.push_back(point.start_timestamp);
    }
    return true;
  }
  /// A histogram as a generated struct of 1.0 or 2.0.
  template <class Wire>
  bool histogram(SeriesId id, const Wire& wire, std::int64_t start_timestamp);
  bool exemplar(SeriesId id, Exemplar exemplar);
  /// Takes `bytes` of the reservation, in larger steps.
  bool take(std::size_t bytes);

  void refuse(WriteFault fault, std::uint64_t items) {
    report_.refused[static_cast<std::size_t>(fault)] += items;
  }
  /// The same with a sentence, of which the first is kept.
  void refuse(WriteFault fault, std::uint64_t items, std::string_view why);
  bool needs_sentence() const { return report_.first.empty(); }

  /// What was there at a moment, to go back to.
  struct Mark {
    std::size_t samples, histograms, exemplars;
    std::array<std::uint64_t, kWriteFaults> refused;
    bool sentence;
  };
  Mark mark() const;
  void rewind(const Mark& mark);

  const Status& status() const { return status_; }
  /// The whole report; the intake is empty then.
  WriteReport finish();
  WriteReport& report() { return report_; }
  std::string text_of(SeriesId id) const;

 private:
  bool grow();
  bool ahead(SeriesId id, std::int64_t timestamp);
  bool add(SeriesId id, std::int64_t timestamp, std::int64_t start,
           std::shared_ptr<NativeHistogram> histogram);

  model::SeriesTable& table_;
  MetricColumns& columns_;
  Reservation& charge_;
  std::int64_t latest_;
  std::size_t spare_ = 0;  ///< taken of the reservation and not used
  WriteReport report_;
  Status status_;
};

/// `{__name__="up", job="a"}`, cut when long, bytes that are not UTF-8 escaped.
std::string show_labels(const std::vector<model::Label>& labels);

template <class Buckets>
NativeHistogram::Buckets to_buckets(const Buckets& spans, auto& deltas, auto& counts,
                                    bool is_float) {
  NativeHistogram::Buckets out;
  out.spans.reserve(spans.size());
  for (const auto& span : spans) out.spans.push_back({span.offset, span.length});
  if (is_float)
    out.counts.assign(counts.begin(), counts.end());
  else
    out.deltas.assign(deltas.begin(), deltas.end());
  return out;
}

template <class Wire>
bool WriteIntake::histogram(SeriesId id, const Wire& wire, std::int64_t start_timestamp) {
  if (wire.timestamp > latest_) return ahead(id, wire.timestamp);
  const std::size_t values = wire.negative_spans.size() + wire.negative_deltas.size() +
                             wire.negative_counts.size() + wire.positive_spans.size() +
                             wire.positive_deltas.size() + wire.positive_counts.size() +
                             wire.custom_values.size();
  if (!take(2 * sizeof(HistogramSample) + sizeof(NativeHistogram) + 8 * values + 64)) return false;
  auto h = std::make_shared<NativeHistogram>();
  h->is_float = wire.count_case == Wire::CountCase::count_float;
  h->reset = static_cast<NativeHistogram::Reset>(static_cast<unsigned>(wire.reset_hint) & 3U);
  h->schema = wire.schema;
  h->zero_threshold = wire.zero_threshold;
  if (h->is_float) {
    h->float_count = wire.count_float;
    if (wire.zero_count_case == Wire::ZeroCountCase::zero_count_float)
      h->float_zero_count = wire.zero_count_float;
  } else {
    if (wire.count_case == Wire::CountCase::count_int) h->count = wire.count_int;
    if (wire.zero_count_case == Wire::ZeroCountCase::zero_count_int)
      h->zero_count = wire.zero_count_int;
  }
  h->sum = wire.sum;
  h->positive =
      to_buckets(wire.positive_spans, wire.positive_deltas, wire.positive_counts, h->is_float);
  h->negative =
      to_buckets(wire.negative_spans, wire.negative_deltas, wire.negative_counts, h->is_float);
  h->custom_values.assign(wire.custom_values.begin(), wire.custom_values.end());
  return add(id, wire.timestamp, start_timestamp, std::move(h));
}

}  // namespace collector::format
