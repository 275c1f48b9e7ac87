// Scrape anything twice, as text, OpenMetrics and protobuf: no crash, a void scrape leaves nothing
// behind, and the second scrape of a good body gives the same series.
#include "format/scrape_cache.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace collector;

namespace {

class Counting final : public Random {
 public:
  std::uint64_t next() override { return ++n_ * 0x9e3779b97f4a7c15; }

 private:
  std::uint64_t n_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 1U << 16) return 0;
  Counting random;
  model::SeriesTable table(random);
  format::ScrapeSettings settings;
  const auto is = [&](int bit) { return (data[bit / 8] >> (bit % 8) & 1) != 0; };
  settings.format = is(8)   ? format::Exposition::protobuf
                    : is(0) ? format::Exposition::open_metrics
                            : format::Exposition::text;
  settings.honor_labels = is(1);
  settings.honor_timestamps = is(2);
  settings.track_timestamps_staleness = is(3);
  settings.utf8_names = is(4);
  settings.type_and_unit_labels = is(5);
  settings.start_timestamps = is(6);
  settings.interval_ms = is(7) ? 1000 : 0;
  settings.native_histograms = is(9);
  settings.classic_histograms = is(10);
  settings.convert_histograms = is(11);
  settings.finest_schema = is(12) ? 2 : format::kFinestSchema;
  settings.bucket_limit = is(13) ? 3 : 0;
  settings.labels = {{"instance", "x:1"}, {"job", "j"}};
  const std::string body(reinterpret_cast<const char*>(data + 2), size - 2);
  format::ScrapeCache cache(table, 1);
  MetricColumns first, second;
  const auto one = cache.scrape(body, settings, 1000, first);
  if (!one && (!first.series.empty() || !first.histograms.empty() || !first.exemplars.empty()))
    std::abort();
  const auto two = cache.scrape(body, settings, 2000, second);
  if (one.has_value() != two.has_value()) std::abort();
  if (one && one->scraped != two->scraped) std::abort();
  // Zero samples belong to one of the two only.
  if (one && !settings.start_timestamps &&
      (first.series != second.series || first.histograms.size() != second.histograms.size()))
    std::abort();
  for (const MetricColumns* columns : {&first, &second}) {
    for (const SeriesId id : columns->series) (void)table.to_text(id);
    if (!columns->start_timestamp.empty() &&
        columns->start_timestamp.size() != columns->series.size())
      std::abort();
    for (const HistogramSample& h : columns->histograms) {
      if (!format::check(*h.histogram).ok()) std::abort();
      if (settings.bucket_limit > 0 && format::bucket_count(*h.histogram) > settings.bucket_limit)
        std::abort();
    }
  }
  return 0;
}
