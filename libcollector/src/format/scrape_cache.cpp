#include "format/scrape_cache.hpp"

#include "format/line_parts.hpp"
#include "format/scrape_pass.hpp"

#include <algorithm>
#include <bit>

namespace collector::format {

void add_target_labels(const std::map<std::string, std::string>& target,
                       model::LabelsBuilder& labels) {
  std::vector<std::pair<std::string, std::string>> pushed_aside;
  for (const auto& [name, value] : target) {
    if (const auto own = labels.get(name); !own.empty()) pushed_aside.emplace_back(name, own);
    labels.set(name, value);
  }
  std::stable_sort(pushed_aside.begin(), pushed_aside.end(),
                   [](const auto& a, const auto& b) { return a.first.size() < b.first.size(); });
  for (const auto& [name, value] : pushed_aside) {
    std::string free = "exported_" + name;
    while (!labels.get(free).empty()) free.insert(0, "exported_");
    labels.set(free, value);
  }
}

ScrapeCache::ScrapeCache(model::SeriesTable& series, std::uint64_t seed, MetadataPool* pool)
    : series_(series), pool_(pool), seed_(seed) {}

ScrapeCache::~ScrapeCache() {
  for (const Entry& e : entries_) series_.release(e.id);
  for (const auto& [name, id] : reports_) series_.release(id);
}

void ScrapeCache::add(MetricColumns& out, SeriesId id, std::int64_t timestamp, double value) {
  out.series.push_back(id);
  out.timestamp.push_back(timestamp);
  out.value.push_back(value);
  if (!out.start_timestamp.empty()) out.start_timestamp.push_back(0);
}

Result<ScrapeStats> ScrapeCache::scrape(std::string_view body, const ScrapeSettings& settings,
                                        std::int64_t now_ms, MetricColumns& out) {
  out.series.reserve(out.series.size() + entries_.size() + 8);
  out.timestamp.reserve(out.timestamp.size() + entries_.size() + 8);
  out.value.reserve(out.value.size() + entries_.size() + 8);
  if (!out.lease) out.lease = series_.lease();
  ScrapePass pass(*this, settings, now_ms, out);
  Status status = settings.format == Exposition::protobuf ? scrape_protobuf(pass, body)
                                                          : scrape_text(pass, body);
  if (status.ok()) status = pass.limits();
  last_ = pass.stats();
  if (!status.ok()) {
    pass.undo();
    last_.series_added = 0;
    return status;
  }
  pass.finish();
  return last_;
}

void ScrapeCache::forget() {
  forgotten_ = !entries_.empty();
  runs_.clear();
  parts_.reset();
}

/// Keeps the entries in `order`, in that order, and lets the others go.
void ScrapeCache::settle(std::vector<std::uint32_t>& order) {
  std::vector<Entry> kept;
  kept.reserve(order.size());
  for (const std::uint32_t i : order) kept.push_back(entries_[i]);
  for (const Entry& e : entries_)
    if (e.seen != turn_) series_.release(e.id);
  entries_ = std::move(kept);
}

void ScrapeCache::stale(std::int64_t now_ms, MetricColumns& out) {
  if (!out.lease) out.lease = series_.lease();
  for (const Entry& e : entries_) {
    if (e.tracked) add(out, e.id, now_ms, std::bit_cast<double>(kStaleNaN));
    series_.release(e.id);
  }
  entries_.clear();
  entries_.shrink_to_fit();
  runs_.clear();
}

void ScrapeCache::append_report(std::string_view name,
                                const std::map<std::string, std::string>& labels,
                                std::int64_t now_ms, double value, MetricColumns& out) {
  if (!out.lease) out.lease = series_.lease();
  auto it = reports_.find(name);
  if (it == reports_.end()) {
    model::LabelsBuilder builder;
    builder.set(model::kNameLabel, name);
    add_target_labels(labels, builder);
    it = reports_.emplace(std::string(name), series_.intern(builder)).first;
  }
  add(out, it->second, now_ms, value);
}

}  // namespace collector::format
