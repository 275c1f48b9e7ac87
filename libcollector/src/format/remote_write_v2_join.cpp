#include "format/remote_write_v2_edit.hpp"
#include "format/wire_fields.hpp"
#include "wire/writer.hpp"

#include <algorithm>
#include <limits>

namespace collector::format {
namespace {

// Fields of io.prometheus.write.v2, as tags.
constexpr std::uint64_t kSymbols = 0x22;      // Request.symbols
constexpr std::uint32_t kTimeSeries = 0x2a;   // Request.timeseries
constexpr std::uint64_t kLabelsRefs = 0x0a;   // TimeSeries.labels_refs, Exemplar.labels_refs
constexpr std::uint64_t kUnpackedRef = 0x08;  // the same, one at a time
constexpr std::uint64_t kExemplars = 0x22;    // TimeSeries.exemplars
constexpr std::uint64_t kMetadata = 0x2a;     // TimeSeries.metadata
constexpr std::uint64_t kHelpRef = 0x18;      // Metadata.help_ref
constexpr std::uint64_t kUnitRef = 0x20;      // Metadata.unit_ref
constexpr std::uint32_t kUnmapped = std::numeric_limits<std::uint32_t>::max();
/// A reference takes at least one byte, and at most so many in the new table.
constexpr std::size_t kMostGrowth = 5;
constexpr std::size_t kMostHead = 1 + 10;  // tag and length of a series

char* put_ref(char* p, std::uint32_t ref) {
  if (ref < 0x80) [[likely]] {
    *p = static_cast<char>(ref);
    return p + 1;
  }
  return wire::put_varint(p, ref);
}

char* put(char* p, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(p, bytes.data(), bytes.size());
  return p + bytes.size();
}

}  // namespace

/// Null when the reference leads nowhere.
char* RequestJoiner::put_mapped(char* p, std::uint64_t ref) {
  if (ref >= mapped_.size()) return nullptr;
  std::uint32_t& known = mapped_[ref];
  if (known == kUnmapped) known = symbols_.ref(texts_[ref]);
  return put_ref(p, known);
}

char* RequestJoiner::put_packed(char* p, std::string_view packed) {
  refs_.resize(std::max(refs_.size(), packed.size() * kMostGrowth));
  char* to = refs_.data();
  const char* at = packed.data();
  const char* const end = at + packed.size();
  while (at < end) {
    std::uint64_t ref = static_cast<unsigned char>(*at);
    if (ref < 0x80)
      ++at;
    else if (at = wire::get_varint(at, end, ref); !at)
      return nullptr;
    if (to = put_mapped(to, ref); !to) return nullptr;
  }
  const auto size = static_cast<std::size_t>(to - refs_.data());
  p = wire::put_varint(wire::put_varint(p, kLabelsRefs), size);
  return put(p, {refs_.data(), size});
}

/// The fields of a message that holds references: those of `numbers`, and labels.
template <std::uint64_t... numbers>
char* RequestJoiner::put_fields(char* p, std::string_view message) {
  while (!message.empty()) {
    const auto field = take_field(message);
    if (!field) return nullptr;
    if (field->tag == kLabelsRefs)
      p = put_packed(p, field->content);
    else if (((field->tag == numbers) || ...))
      p = put_mapped(wire::put_varint(p, field->tag), field->number);
    else
      p = put(p, field->whole);
    if (!p) return nullptr;
  }
  return p;
}

char* RequestJoiner::put_series(char* p, std::string_view series) {
  while (!series.empty()) {
    const auto field = take_field(series);
    if (!field) return nullptr;
    if (field->tag == kLabelsRefs) {
      p = put_packed(p, field->content);
    } else if (field->tag == kUnpackedRef) {
      p = put_mapped(wire::put_varint(p, field->tag), field->number);
    } else if (field->tag == kExemplars || field->tag == kMetadata) {
      part_.resize(std::max(part_.size(), field->content.size() * kMostGrowth));
      char* const stop = field->tag == kExemplars
                             ? put_fields<kUnpackedRef>(part_.data(), field->content)
                             : put_fields<kHelpRef, kUnitRef>(part_.data(), field->content);
      if (!stop) return nullptr;
      const auto size = static_cast<std::size_t>(stop - part_.data());
      p = wire::put_varint(wire::put_varint(p, field->tag), size);
      p = put(p, {part_.data(), size});
    } else {
      p = put(p, field->whole);
    }
    if (!p) return nullptr;
  }
  return p;
}

bool RequestJoiner::add(std::string_view body) {
  texts_.clear();
  found_.clear();
  while (!body.empty()) {
    const auto field = take_field(body);
    if (!field) return false;
    if (field->tag == kSymbols)
      texts_.push_back(field->content);
    else if (field->tag == kTimeSeries)
      found_.push_back(field->content);
  }
  mapped_.assign(texts_.size(), kUnmapped);
  for (const std::string_view series : found_) {
    one_.resize(std::max(one_.size(), kMostHead + series.size() * kMostGrowth));
    char* const begin = one_.data() + kMostHead;
    char* const end = put_series(begin, series);
    if (!end) return false;
    const char* const head =
        wire::put_tag<kTimeSeries>(wire::put_before(begin, static_cast<std::size_t>(end - begin)));
    series_.append(head, static_cast<std::size_t>(end - head));
  }
  return true;
}

Result<std::string> RequestJoiner::join(std::span<const std::string_view> bodies) {
  symbols_.begin();
  series_.clear();
  for (const std::string_view body : bodies)
    if (!add(body)) return Status(Code::data_loss, "not a remote write 2.0 request");
  std::string out;
  std::size_t size = series_.size();
  for (const std::string_view text : symbols_.texts()) size += text.size() + 6;
  out.reserve(size);
  for (const std::string_view text : symbols_.texts()) append_delimited(out, kSymbols, text);
  out += series_;
  return out;
}

}  // namespace collector::format
