// Remote write 2.0 (prometheus.io/docs/specs/prw/remote_write_spec_2_0):
// io.prometheus.write.v2.Request from columns. Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include "format/request_parts.hpp"
#include "format/symbol_table.hpp"
#include "model/series_table.hpp"
#include "wire/writer.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace collector::format {

/// Makes one body after the other; what it learned of a pair of labels holds for one body, so that
/// it costs no memory per series. One thread.
class RemoteWriteV2Encoder {
 public:
  /// Neighbouring samples of one series share a TimeSeries, which has the metadata of its family
  /// where `columns` know it and `metadata` asks for it. Uncompressed; valid until the next call.
  std::string_view encode(const MetricColumns& columns, const RequestPart& part,
                          const model::SeriesTable& series, bool metadata = true);

 private:
  /// What a pair of the table is in this body. Of another body when `body` is not body_.
  struct PairRefs {
    std::uint32_t body = 0;
    std::uint32_t pair = 0;
    std::uint32_t name = 0;
    std::uint32_t value = 0;
    std::uint32_t family = 0;  ///< of the pair of __name__: 1 + its place in families_, or 0
  };
  struct Family {
    const Metadata* metadata = nullptr;
    bool referenced = false;
    std::uint32_t help = 0, unit = 0;
  };
  struct FamilyName {
    std::uint32_t body = 0;
    std::uint32_t hash = 0;
    std::uint32_t place = 0;
  };

  void begin(const std::vector<Metadata>* metadata);
  const PairRefs& refs(std::uint32_t pair, const model::SeriesTable& series) {
    for (std::size_t i = home(pair);; i = (i + 1) & (pairs_.size() - 1)) {
      const PairRefs& known = pairs_[i];
      if (known.body != body_) return learn(pair, series);
      if (known.pair == pair) return known;
    }
  }
  const PairRefs& learn(std::uint32_t pair, const model::SeriesTable& series);
  void grow_pairs();
  std::uint32_t family_of(std::string_view name);
  std::uint32_t find_family(std::string_view name, std::string_view suffix) const;
  char* put_metadata(char* p, Family& family);
  char* put_exemplar(char* p, const Exemplar& exemplar);
  char* begin_series(char* p, const MetricColumns& columns, const RequestPart& part, SeriesId id,
                     std::size_t room, const model::SeriesTable& series);
  char* end_series(char* p, std::size_t after);
  char* put_samples(char* p, const MetricColumns& columns, const RequestPart& part,
                    std::size_t first, std::size_t end, const model::SeriesTable& series);
  char* put_histograms(char* p, const MetricColumns& columns, const RequestPart& part,
                       std::size_t first, std::size_t end, const model::SeriesTable& series);
  char* put_symbols(char* p);

  /// Where the search for a pair begins. Pairs that were interned together are used together: eight
  /// lie side by side, and the eights are spread.
  std::size_t home(std::uint32_t pair) const {
    return std::size_t{((pair >> 3) * 0x9e3779b1U) >> pair_shift_} * 8 + (pair & 7);
  }

  std::uint32_t body_ = 0;
  std::vector<PairRefs> pairs_;   ///< open addressing; a power of two, at most half of it used
  std::uint32_t pair_shift_ = 0;  ///< 32 - the binary logarithm of the eights in pairs_
  std::size_t pairs_used_ = 0;
  SymbolTable symbols_;
  std::vector<FamilyName> names_;  ///< open addressing as well, of families_
  std::vector<Family> families_;
  std::size_t exemplars_ = 0;          ///< of the part, that are not written yet
  std::vector<std::uint32_t> labels_;  ///< refs of the series at hand
  wire::Writer writer_;
};

}  // namespace collector::format
