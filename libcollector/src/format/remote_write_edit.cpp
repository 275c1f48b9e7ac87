#include "format/remote_write_edit.hpp"

#include "wire/varint.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace collector::format {
namespace {

constexpr std::uint64_t kTimeSeries = 1 << 3 | 2;  // WriteRequest.timeseries
constexpr std::uint64_t kSamples = 2 << 3 | 2;     // TimeSeries.samples
constexpr std::uint64_t kTimestamp = 2 << 3 | 0;   // Sample.timestamp

struct Field {
  std::uint64_t tag = 0;
  std::string_view whole;  ///< tag included
  std::string_view content;
  std::uint64_t number = 0;  ///< of a varint
};

/// The field at the front of `message`, which moves behind it; nothing when it is damaged.
std::optional<Field> take_field(std::string_view& message) {
  Field field;
  const char* begin = message.data();
  const char* end = begin + message.size();
  const char* at = wire::get_varint(begin, end, field.tag);
  if (!at) return std::nullopt;
  std::uint64_t size = 0;
  switch (field.tag & 7) {
    case 0:
      at = wire::get_varint(at, end, field.number);
      if (!at) return std::nullopt;
      break;
    case 1:
      size = 8;
      break;
    case 2:
      at = wire::get_varint(at, end, size);
      if (!at) return std::nullopt;
      break;
    case 5:
      size = 4;
      break;
    default:
      return std::nullopt;
  }
  if (size > static_cast<std::uint64_t>(end - at)) return std::nullopt;
  field.content = {at, size};
  field.whole = {begin, static_cast<std::size_t>(at + size - begin)};
  message.remove_prefix(field.whole.size());
  return field;
}

Status damaged() { return {Code::data_loss, "not a remote write request"}; }

std::optional<std::int64_t> timestamp_of(std::string_view sample) {
  std::int64_t timestamp = 0;
  while (!sample.empty()) {
    const auto field = take_field(sample);
    if (!field) return std::nullopt;
    if (field->tag == kTimestamp) timestamp = static_cast<std::int64_t>(field->number);
  }
  return timestamp;
}

void put_length_delimited(std::string& out, std::uint64_t tag, std::string_view content) {
  char head[20];
  char* end = wire::put_varint(wire::put_varint(head, tag), content.size());
  out.append(head, end);
  out += content;
}

std::optional<std::uint32_t> samples_of(std::string_view series) {
  std::uint32_t n = 0;
  while (!series.empty()) {
    const auto field = take_field(series);
    if (!field) return std::nullopt;
    n += field->tag == kSamples ? 1 : 0;
  }
  return n;
}

}  // namespace

Result<std::uint32_t> drop_older_samples(std::string& body, std::int64_t cutoff_ms) {
  std::string out, kept;
  std::uint32_t dropped = 0;
  for (std::string_view request = body; !request.empty();) {
    const auto field = take_field(request);
    if (!field) return damaged();
    if (field->tag != kTimeSeries) {
      out += field->whole;
      continue;
    }
    kept.clear();
    bool any = false;
    for (std::string_view series = field->content; !series.empty();) {
      const auto part = take_field(series);
      if (!part) return damaged();
      if (part->tag == kSamples) {
        const auto timestamp = timestamp_of(part->content);
        if (!timestamp) return damaged();
        if (*timestamp < cutoff_ms) {
          ++dropped;
          continue;
        }
        any = true;
      }
      kept += part->whole;
    }
    if (any) put_length_delimited(out, kTimeSeries, kept);
  }
  body = std::move(out);
  return dropped;
}

Result<std::pair<WriteRequestPart, WriteRequestPart>> halve_write_request(const std::string& body) {
  std::vector<std::string_view> series;
  std::pair<WriteRequestPart, WriteRequestPart> halves;
  for (std::string_view request = body; !request.empty();) {
    const auto field = take_field(request);
    if (!field) return damaged();
    if (field->tag == kTimeSeries) series.push_back(field->whole);
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    WriteRequestPart& half = i < (series.size() + 1) / 2 ? halves.first : halves.second;
    std::string_view whole = series[i];
    const auto field = take_field(whole);
    const auto samples = samples_of(field->content);
    if (!samples) return damaged();
    half.body += series[i];
    half.samples += *samples;
  }
  return halves;
}

}  // namespace collector::format
