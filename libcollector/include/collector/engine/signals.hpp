// What flows between components: batches, their acknowledgements, and the labels they refer to.
// A batch belongs to one worker's loop; nothing here is shared between threads.
#pragma once

#include <collector/engine/seams.hpp>
#include <collector/engine/status.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector {

/// How a batch ended, in rising order of what wins when parts of it ended differently.
struct Outcome {
  enum class Kind : std::uint8_t {
    delivered,  ///< Every destination has it, at that destination's level.
    rejected,   ///< Refused for good, with a reason; counted where it was refused.
    retry,      ///< Not taken now; the giver still owns it and may offer it again.
  };
  Kind kind = Kind::delivered;
  std::string reason;
  std::uint64_t rejected_items = 0;
  Duration after{};  ///< retry: not before this much time

  static Outcome delivered() { return {}; }
  /// Dropped on purpose by configuration: counts as delivered.
  static Outcome filtered() { return {}; }
  static Outcome retry(std::string reason, Duration after) {
    return {Kind::retry, std::move(reason), 0, after};
  }
  static Outcome rejected(std::string reason, std::uint64_t items) {
    return {Kind::rejected, std::move(reason), items, {}};
  }
};

/// A share in one completion, which fires once, by post on the loop that made it, when every share
/// is gone, with the joined outcome of all. A share that dies unsettled joins as
/// `retry("abandoned")`.
class Ack {
 public:
  Ack() = default;  ///< Nobody waits.
  /// `patience`: how long the giver can do without the outcome while nothing else is amiss. What
  /// makes the batch durable may wait that long for others to share the work with.
  Ack(Loop& loop, Function<void(Outcome)> done, Duration patience = {});
  Ack(Ack&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Ack& operator=(Ack&& other) noexcept;
  ~Ack() { abandon(); }

  /// Another share of the same completion: for the second half of a batch that is split.
  Ack share();
  /// Joins `outcome` and gives up this share.
  void settle(Outcome outcome);
  bool waited_for() const { return state_ != nullptr; }
  Duration patience() const;

 private:
  struct State;
  explicit Ack(State* state) : state_(state) {}
  void abandon();
  static void release(State* state);

  State* state_ = nullptr;
};

/// Where a batch came from as far as delivery must know. Unequal contexts never merge.
struct RequestContext {
  std::string tenant;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string peer;
};

/// Index into one worker's SeriesTable.
enum class SeriesId : std::uint32_t {};

enum class MetricType : std::uint8_t {
  unknown,
  counter,
  gauge,
  histogram,
  gauge_histogram,
  summary,
  info,
  stateset
};

struct Metadata {
  std::string family;
  MetricType type = MetricType::unknown;
  std::string help;
  std::string unit;
  bool operator==(const Metadata&) const = default;
};

namespace model {
class SeriesTable;
class TableLease;
}  // namespace model

/// The bit pattern of a stale marker (Prometheus model/value): a NaN that means "series ended".
inline constexpr std::uint64_t kStaleNaN = 0x7ff0000000000002;

/// A native histogram of integer or float counts, its buckets as the protocols carry them
/// (prometheus.io/docs/specs/native_histograms).
struct NativeHistogram {
  enum class Reset : std::uint8_t { unknown, yes, no, gauge };
  /// `length` buckets in a row, `offset` behind the end of the span before, or behind 0.
  struct Span {
    std::int32_t offset = 0;
    std::uint32_t length = 0;
    bool operator==(const Span&) const = default;
  };
  /// One count for each bucket of the spans, in one of the two forms.
  struct Buckets {
    std::vector<Span> spans;
    std::vector<std::int64_t> deltas;  ///< integer: the difference to the bucket before
    std::vector<double> counts;        ///< float
    bool operator==(const Buckets&) const = default;
  };
  /// The schema whose bucket bounds are `custom_values`.
  static constexpr std::int32_t kCustomBuckets = -53;

  bool is_float = false;  ///< which of the two forms all counts have
  Reset reset = Reset::unknown;
  std::int32_t schema = 0;
  double zero_threshold = 0;
  std::uint64_t count = 0, zero_count = 0;       ///< integer
  double float_count = 0, float_zero_count = 0;  ///< float
  double sum = 0;
  Buckets positive, negative;
  std::vector<double> custom_values;
  bool operator==(const NativeHistogram&) const = default;
};

/// A sample whose value is a histogram.
struct HistogramSample {
  SeriesId series{};
  std::int64_t timestamp = 0;        ///< ms since 1970
  std::int64_t start_timestamp = 0;  ///< ms since 1970; 0: unknown
  std::shared_ptr<const NativeHistogram> histogram;
};

/// An example of what a series counts, such as the trace of one request.
struct Exemplar {
  SeriesId series{};
  std::int64_t timestamp = 0;  ///< ms since 1970
  double value = 0;
  std::vector<std::pair<std::string, std::string>> labels;  ///< sorted by name
};

/// The columns of a metrics batch: arrays of equal length for float samples, and what belongs
/// beside them. The series of an exemplar may be without a sample here: senders cut as they like.
struct MetricColumns {
  std::vector<SeriesId> series;
  std::vector<std::int64_t> timestamp;  ///< ms since 1970
  std::vector<double> value;
  /// When what a counter counts began, in ms since 1970, 0 where unknown; empty: all unknown.
  std::vector<std::int64_t> start_timestamp;
  std::vector<HistogramSample> histograms;
  std::vector<Exemplar> exemplars;
  std::shared_ptr<const std::vector<Metadata>> metadata;  ///< may be null
  /// Samples of one source stay in one lane: the hash of the target, or of the sender.
  std::uint64_t order_key = 0;
  /// Keeps every id in the columns from being reused while this lives.
  std::shared_ptr<const model::TableLease> lease;
};

/// A batch of samples. Copies of the columns are shared: `edit` makes them its own first.
class Metrics {
 public:
  Metrics() : columns_(std::make_shared<MetricColumns>()) {}
  Metrics(std::shared_ptr<MetricColumns> columns, Ack ack)
      : ack(std::move(ack)), columns_(std::move(columns)) {}

  const MetricColumns& columns() const { return *columns_; }
  MetricColumns& edit();
  /// Samples, floats and histograms.
  std::size_t size() const { return columns_->series.size() + columns_->histograms.size(); }
  /// Memory it pins, for budgets: bytes of the columns.
  std::size_t bytes() const;
  /// The same columns with another acknowledgement, for a fan-out.
  Metrics with(Ack other) const { return Metrics(columns_, std::move(other)); }

  Ack ack;
  std::shared_ptr<const RequestContext> context;

 private:
  std::shared_ptr<MetricColumns> columns_;
};

/// Where batches go. `consume` takes the batch, never blocks, never throws, and settles its Ack now
/// or later.
template <class Batch>
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void consume(Batch batch) = 0;
};

}  // namespace collector
