#include "send/recent_samples.hpp"

#include "model/series_table.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <vector>

namespace collector::send {
namespace {

constexpr std::size_t kChunkSamples = 120;
/// How much is asked of the budget at once.
constexpr std::size_t kBudgetBlock = 64U << 10;
constexpr std::int64_t kChunksPerRetention = 4;
/// Beside the samples' bytes: map node and deque of a series, object and order entry of a chunk.
constexpr std::size_t kSeriesBytes = 200;
constexpr std::size_t kChunkBytes = sizeof(SampleChunk) + sizeof(SeriesId);

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = text.find_first_not_of(" \t\n", at);
    if (begin == std::string::npos) break;
    at = std::min(text.find_first_of(" \t\n", begin), text.size());
    words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

}  // namespace

RecentSamples::~RecentSamples() {
  for (const auto& [id, known] : known_) table_.release(id);
}

void RecentSamples::add(const MetricColumns& columns) {
  // Chunks end after a part of the retention too, so that what is old can leave.
  const std::int64_t longest = limits_.retention.count() / 1'000'000 / kChunksPerRetention;
  const auto full = [&](const SampleChunk& chunk, std::int64_t timestamp) {
    return chunk.size() >= kChunkSamples || timestamp - chunk.first() > longest;
  };
  const auto keep = [&](SeriesId series, std::int64_t timestamp, double value) {
    const auto [at, fresh] = known_.try_emplace(series);
    Known& known = at->second;
    if (fresh) {
      table_.retain(series);
      bytes_ += kSeriesBytes;
    }
    if (known.chunks.empty() || full(known.chunks.back(), timestamp)) {
      if (!known.chunks.empty()) {
        const std::size_t before = known.chunks.back().bytes();
        known.chunks.back().seal();
        changed(before, known.chunks.back().bytes());
      }
      known.chunks.emplace_back();
      order_.push_back(series);
      bytes_ += kChunkBytes + known.chunks.back().bytes();
    }
    SampleChunk& chunk = known.chunks.back();
    const std::size_t before = chunk.bytes();
    chunk.append(timestamp, value);
    changed(before, chunk.bytes());
    ++samples_;
    while ((bytes_ > limits_.max_bytes || !paid()) && !order_.empty()) {
      evicted_ += known_.at(order_.front()).chunks.front().size();
      drop_oldest();
    }
  };
  for (std::size_t i = 0; i < columns.series.size(); ++i)
    keep(columns.series[i], columns.timestamp[i], columns.value[i]);
  for (const HistogramSample& sample : columns.histograms) {
    const NativeHistogram& h = *sample.histogram;
    keep(sample.series, sample.timestamp,
         h.is_float ? h.float_count : static_cast<double>(h.count));
  }
  histograms_ += columns.histograms.size();
  exemplars_ += columns.exemplars.size();
}

bool RecentSamples::paid() {
  if (bytes_ <= charge_.bytes()) return true;
  return charge_.grow(std::max<std::uint64_t>(kBudgetBlock, bytes_ - charge_.bytes())).ok();
}

void RecentSamples::drop_oldest() {
  const auto at = known_.find(order_.front());
  order_.pop_front();
  std::deque<SampleChunk>& chunks = at->second.chunks;
  samples_ -= chunks.front().size();
  bytes_ -= kChunkBytes + chunks.front().bytes();
  chunks.pop_front();
  if (chunks.empty()) {
    bytes_ -= kSeriesBytes;
    table_.release(at->first);
    known_.erase(at);
  }
  if (charge_.bytes() > bytes_ + 2 * kBudgetBlock) charge_.shrink_to(bytes_ + kBudgetBlock);
}

void RecentSamples::expire(WallTime now) {
  const std::int64_t oldest = now.unix_ms() - limits_.retention.count() / 1'000'000;
  // A chunk begun early may still grow while later ones are old: those wait for it.
  while (!order_.empty() && known_.at(order_.front()).chunks.front().newest() < oldest)
    drop_oldest();
}

SeriesPage RecentSamples::page(const SeriesQuery& query, WallTime now) const {
  const std::vector<std::string> words = words_of(query.search);
  std::vector<std::pair<std::string, SeriesId>> found;
  for (const auto& [id, known] : known_) {
    std::string text = table_.to_text(id);
    const bool all = std::all_of(words.begin(), words.end(), [&](const std::string& word) {
      return text.find(word) != std::string::npos;
    });
    if (all) found.emplace_back(std::move(text), id);
  }
  std::sort(found.begin(), found.end());
  SeriesPage page;
  page.matched = found.size();
  const std::int64_t oldest = now.unix_ms() - limits_.retention.count() / 1'000'000;
  const std::size_t end = query.limit < found.size() && query.offset < found.size() - query.limit
                              ? query.offset + query.limit
                              : found.size();
  std::vector<model::Label> labels;
  for (std::size_t i = query.offset; i < end; ++i) {
    SeriesRow row;
    const SeriesId id = found[i].second;
    table_.labels(id, labels);
    for (const model::Label& l : labels) row.labels.emplace(l.name, l.value);
    for (const SampleChunk& chunk : known_.at(id).chunks) chunk.decode(row.points);
    std::erase_if(row.points, [&](const auto& point) {
      return point.first < oldest || std::bit_cast<std::uint64_t>(point.second) == kStaleNaN;
    });
    page.rows.push_back(std::move(row));
  }
  return page;
}

}  // namespace collector::send
