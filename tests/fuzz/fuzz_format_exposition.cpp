// Scrape anything twice, as text and as OpenMetrics: no crash, a void scrape leaves nothing behind,
// and the second scrape of a good body gives the same series.
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
  if (size < 1 || size > 1U << 16) return 0;
  Counting random;
  model::SeriesTable table(random);
  format::ScrapeSettings settings;
  settings.format = data[0] & 1 ? format::Exposition::open_metrics : format::Exposition::text;
  settings.honor_labels = (data[0] & 2) != 0;
  settings.honor_timestamps = (data[0] & 4) != 0;
  settings.track_timestamps_staleness = (data[0] & 8) != 0;
  settings.utf8_names = (data[0] & 16) != 0;
  settings.labels = {{"instance", "x:1"}, {"job", "j"}};
  const std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  format::ScrapeCache cache(table, 1);
  MetricColumns first, second;
  const auto one = cache.scrape(body, settings, 1000, first);
  if (!one && !first.series.empty()) std::abort();
  const auto two = cache.scrape(body, settings, 2000, second);
  if (one.has_value() != two.has_value()) std::abort();
  if (one && (one->scraped != two->scraped || first.series != second.series)) std::abort();
  for (const SeriesId id : first.series) (void)table.to_text(id);
  return 0;
}
