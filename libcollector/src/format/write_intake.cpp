#include "format/write_intake.hpp"

#include "wire/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace collector::format {
namespace {

constexpr std::size_t kBytesPerSample =
    sizeof(SeriesId) + 2 * sizeof(std::int64_t) + sizeof(double);
constexpr std::size_t kFirstSamples = 512;
constexpr std::size_t kStep = 64U << 10;
constexpr std::size_t kLongestText = 300;

}  // namespace

std::string_view to_string(WriteFault fault) {
  switch (fault) {
    case WriteFault::labels:
      return "invalid_labels";
    case WriteFault::ahead:
      return "too_far_ahead";
    case WriteFault::histogram:
      return "invalid_histogram";
    case WriteFault::exemplar:
      return "invalid_exemplar";
    case WriteFault::empty:
      return "no_samples";
    case WriteFault::metadata:
      return "invalid_metadata";
  }
  return "";
}

std::uint64_t WriteReport::all_refused() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t n : refused) sum += n;
  return sum;
}

std::string show_labels(const std::vector<model::Label>& labels) {
  std::string out = "{";
  const auto put = [&out](std::string_view text) {
    const bool whole = wire::is_utf8(text);
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\')
        out.append({'\\', c});
      else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !whole))
        out += fmt::format("\\x{:02x}", byte);
      else
        out += c;
    }
  };
  for (const model::Label& label : labels) {
    if (out.size() > kLongestText) return out + ", ...}";
    if (out.size() > 1) out += ", ";
    put(label.name.substr(0, kLongestText));
    out += "=\"";
    put(label.value.substr(0, kLongestText));
    out += '"';
  }
  return out + '}';
}

std::optional<SeriesId> WriteIntake::intern(std::vector<model::Label>& labels, std::string& why) {
  const auto by_name = [](const model::Label& a, const model::Label& b) { return a.name < b.name; };
  // Prometheus sorts what comes unsorted, and labels without a value are none.
  if (!std::is_sorted(labels.begin(), labels.end(), by_name))
    std::sort(labels.begin(), labels.end(), by_name);
  const auto bad = [&](std::string what) {
    if (needs_sentence()) why = what + ", got " + show_labels(labels);
    return std::nullopt;
  };
  bool named = false;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto& [name, value] = labels[i];
    if (name.empty()) return bad("a label has no name");
    if (!wire::is_utf8(name) || !wire::is_utf8(value)) return bad("a label is not UTF-8");
    if (i > 0 && name == labels[i - 1].name)
      return bad(fmt::format("label \"{}\" is there twice", name));
    named = named || (name == model::kNameLabel && !value.empty());
  }
  if (!named) return bad("there is no metric name");
  std::erase_if(labels, [](const model::Label& label) { return label.value.empty(); });
  return table_.intern(labels);
}

bool WriteIntake::grow() {
  const std::size_t before = columns_.series.capacity();
  const std::size_t after = std::max(kFirstSamples, 2 * before);
  // Old and new are there together while one is copied to the other.
  status_ = charge_.grow(after * kBytesPerSample);
  if (!status_.ok()) return false;
  columns_.series.reserve(after);
  columns_.timestamp.reserve(after);
  columns_.value.reserve(after);
  charge_.shrink_to(charge_.bytes() - before * kBytesPerSample);
  return true;
}

bool WriteIntake::take(std::size_t bytes) {
  if (bytes > spare_) {
    const std::size_t step = std::max(bytes, kStep);
    status_ = charge_.grow(step);
    if (!status_.ok()) return false;
    spare_ += step;
  }
  spare_ -= bytes;
  return true;
}

std::string WriteIntake::text_of(SeriesId id) const {
  std::vector<model::Label> labels;
  table_.labels(id, labels);
  return show_labels(labels);
}

bool WriteIntake::ahead(SeriesId id, std::int64_t timestamp) {
  if (needs_sentence())
    refuse(
        WriteFault::ahead, 1,
        fmt::format("timestamp {} is too far in the future for series {}", timestamp, text_of(id)));
  else
    refuse(WriteFault::ahead, 1);
  return true;
}

bool WriteIntake::add(SeriesId id, std::int64_t timestamp, std::int64_t start,
                      std::shared_ptr<NativeHistogram> histogram) {
  const std::string fault = fault_of(*histogram);
  if (fault.empty())
    columns_.histograms.push_back({id, timestamp, start, std::move(histogram)});
  else
    refuse(WriteFault::histogram, 1, fmt::format("{} for series {}", fault, text_of(id)));
  return true;
}

bool WriteIntake::exemplar(SeriesId id, Exemplar exemplar) {
  if (exemplar.timestamp > latest_) return ahead(id, exemplar.timestamp);
  std::size_t bytes = 2 * sizeof(Exemplar);
  for (const auto& [name, value] : exemplar.labels)
    bytes += sizeof(exemplar.labels[0]) + name.size() + value.size();
  if (!take(bytes)) return false;
  exemplar.series = id;
  columns_.exemplars.push_back(std::move(exemplar));
  return true;
}

void WriteIntake::refuse(WriteFault fault, std::uint64_t items, std::string_view why) {
  refuse(fault, items);
  if (report_.first.empty()) report_.first = why;
}

WriteIntake::Mark WriteIntake::mark() const {
  return {columns_.series.size(), columns_.histograms.size(), columns_.exemplars.size(),
          report_.refused, !report_.first.empty()};
}

void WriteIntake::rewind(const Mark& mark) {
  columns_.series.resize(mark.samples);
  columns_.timestamp.resize(mark.samples);
  columns_.value.resize(mark.samples);
  if (columns_.start_timestamp.size() > mark.samples) columns_.start_timestamp.resize(mark.samples);
  columns_.histograms.resize(mark.histograms);
  columns_.exemplars.resize(mark.exemplars);
  report_.refused = mark.refused;
  if (!mark.sentence) report_.first.clear();
}

WriteReport WriteIntake::finish() {
  report_.samples = columns_.series.size();
  report_.histograms = columns_.histograms.size();
  report_.exemplars = columns_.exemplars.size();
  return std::exchange(report_, {});
}

}  // namespace collector::format
