// Requests of remote write 1.0 and 2.0 into columns (prometheus.io/docs/specs/prw). A series that
// was there before costs a hash of its labels and a look. No I/O; one thread.
#pragma once

#include <collector/engine/signals.hpp>

#include "format/metadata_book.hpp"
#include "format/received_series.hpp"
#include "format/write_intake.hpp"
#include "wire/arena.hpp"

#include <limits>
#include <string_view>
#include <vector>

namespace collector::format {

class RemoteWriteReader {
 public:
  struct Options {
    std::int64_t latest_ms = std::numeric_limits<std::int64_t>::max();  ///< later is refused
    MetadataBook* metadata = nullptr;   ///< takes metadata; null: it is left out
    bool type_and_unit_labels = false;  ///< 2.0: __type__ and __unit__ from the metadata
  };
  explicit RemoteWriteReader(ReceivedSeries& known) : known_(known) {}

  /// Adds what the uncompressed body holds and Prometheus would take to `out`, which is empty but
  /// for its context and gets a lease; the report says what is left out. `charge` grows by what the
  /// columns take. data_loss: the body is no such message; resource_exhausted: there is no room.
  /// Then `out` is of no use.
  Result<WriteReport> read_v1(std::string_view body, const Options& options, MetricColumns& out,
                              Reservation& charge);
  Result<WriteReport> read_v2(std::string_view body, const Options& options, MetricColumns& out,
                              Reservation& charge);

 private:
  /// What both passes are made of.
  class Pass;
  class V1Pass;
  class V2Pass;
  template <class P>
  Result<WriteReport> read(std::string_view body, const Options& options, MetricColumns& out,
                           Reservation& charge);

  ReceivedSeries& known_;
  wire::Arena arena_;
  std::vector<model::Label> labels_;
  std::vector<std::string_view> symbols_;
  std::vector<base::Hash128> hashes_;  ///< of symbols_
  std::vector<std::uint32_t> refs_;
};

}  // namespace collector::format
