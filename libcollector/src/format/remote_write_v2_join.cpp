#include "format/remote_write_v2_edit.hpp"
#include "format/wire_fields.hpp"

#include <limits>

namespace collector::format {
namespace {

// Fields of io.prometheus.write.v2, as tags.
constexpr std::uint64_t kSymbols = 0x22;      // Request.symbols
constexpr std::uint64_t kTimeSeries = 0x2a;   // Request.timeseries
constexpr std::uint64_t kLabelsRefs = 0x0a;   // TimeSeries.labels_refs, Exemplar.labels_refs
constexpr std::uint64_t kUnpackedRef = 0x08;  // the same, one at a time
constexpr std::uint64_t kExemplars = 0x22;    // TimeSeries.exemplars
constexpr std::uint64_t kMetadata = 0x2a;     // TimeSeries.metadata
constexpr std::uint64_t kHelpRef = 0x18;      // Metadata.help_ref
constexpr std::uint64_t kUnitRef = 0x20;      // Metadata.unit_ref
constexpr std::uint32_t kUnmapped = std::numeric_limits<std::uint32_t>::max();

}  // namespace

bool RequestJoiner::map_ref(std::uint64_t ref, std::uint32_t& mapped) {
  if (ref >= texts_.size()) return false;
  std::uint32_t& known = mapped_[ref];
  if (known == kUnmapped) known = symbols_.ref(texts_[ref]);
  mapped = known;
  return true;
}

bool RequestJoiner::map_refs(std::string_view packed) {
  refs_.clear();
  const char* at = packed.data();
  const char* const end = at + packed.size();
  while (at < end) {
    std::uint64_t ref = 0;
    std::uint32_t mapped = 0;
    at = wire::get_varint(at, end, ref);
    if (!at || !map_ref(ref, mapped)) return false;
    append_varint(refs_, mapped);
  }
  return true;
}

bool RequestJoiner::add_exemplar(std::string_view exemplar) {
  part_.clear();
  while (!exemplar.empty()) {
    const auto field = take_field(exemplar);
    std::uint32_t mapped = 0;
    if (!field) return false;
    if (field->tag == kLabelsRefs) {
      if (!map_refs(field->content)) return false;
      append_delimited(part_, kLabelsRefs, refs_);
    } else if (field->tag == kUnpackedRef) {
      if (!map_ref(field->number, mapped)) return false;
      append_varint(part_, kUnpackedRef);
      append_varint(part_, mapped);
    } else {
      part_ += field->whole;
    }
  }
  append_delimited(one_, kExemplars, part_);
  return true;
}

bool RequestJoiner::add_metadata(std::string_view metadata) {
  part_.clear();
  while (!metadata.empty()) {
    const auto field = take_field(metadata);
    std::uint32_t mapped = 0;
    if (!field) return false;
    if (field->tag == kHelpRef || field->tag == kUnitRef) {
      if (!map_ref(field->number, mapped)) return false;
      append_varint(part_, field->tag);
      append_varint(part_, mapped);
    } else {
      part_ += field->whole;
    }
  }
  append_delimited(one_, kMetadata, part_);
  return true;
}

bool RequestJoiner::add_series(std::string_view series) {
  one_.clear();
  while (!series.empty()) {
    const auto field = take_field(series);
    std::uint32_t mapped = 0;
    if (!field) return false;
    switch (field->tag) {
      case kLabelsRefs:
        if (!map_refs(field->content)) return false;
        append_delimited(one_, kLabelsRefs, refs_);
        break;
      case kUnpackedRef:
        if (!map_ref(field->number, mapped)) return false;
        append_varint(one_, kUnpackedRef);
        append_varint(one_, mapped);
        break;
      case kExemplars:
        if (!add_exemplar(field->content)) return false;
        break;
      case kMetadata:
        if (!add_metadata(field->content)) return false;
        break;
      default:
        one_ += field->whole;
    }
  }
  append_delimited(series_, kTimeSeries, one_);
  return true;
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
  for (const std::string_view series : found_)
    if (!add_series(series)) return false;
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
