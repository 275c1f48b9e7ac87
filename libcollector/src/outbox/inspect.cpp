#include "outbox/inspect.hpp"

#include "outbox/cursor.hpp"
#include "wire/checksum.hpp"

#include <algorithm>

namespace collector::outbox {
namespace {

constexpr std::size_t kMostSegment = std::size_t{256} << 20;

class Inspection {
 public:
  Inspection(Files& files, LogSummary& out, bool payloads)
      : files_(files), out_(out), payloads_(payloads) {
    if (auto set = Cursor::read(files, out.path + "/cursor"))
      acknowledged_ = std::move(*set);
    else if (set.error().code() != Code::not_found)
      problem("cursor", set.error().what());
  }

  void segment(const std::string& name, std::uint64_t first) {
    const auto bytes = files_.read(out_.path + "/" + name, kMostSegment);
    if (!bytes) {
      if (bytes.error().code() != Code::not_found) problem(name, bytes.error().what());
      return;  // delivered meanwhile
    }
    ++out_.segments;
    out_.size += bytes->size();
    SegmentHeader header;
    std::uint64_t id = 0;
    switch (decode_segment_header(*bytes, header)) {
      case HeaderState::newer:
        return problem(name, "written by a later version");
      case HeaderState::damaged:
        problem(name, "the header is damaged");
        break;
      case HeaderState::good:
        id = header.id;
        if (!out_.destination) out_.destination = header.destination;
    }
    if (last_ == 0) last_ = first - 1;
    std::size_t offset = kSegmentHeader;
    while (offset + kFrameHeader <= bytes->size()) {
      const std::string_view rest = std::string_view(*bytes).substr(offset);
      const auto frame = decode_frame_header(rest, id);
      if (!frame || frame->sequence <= last_ || frame->size() > rest.size()) {
        offset += kFrameAlign;
        continue;
      }
      found(*frame, rest, name, offset);
      offset += frame->size();
    }
  }

 private:
  void found(const Frame& frame, std::string_view bytes, const std::string& name,
             std::size_t offset) {
    const std::uint64_t between = frame.sequence - last_ - 1;
    const std::uint64_t lost = between - acknowledged_.count(last_ + 1, frame.sequence - 1);
    if (lost > 0) problem(name, std::to_string(lost) + " requests are missing before", offset);
    last_ = frame.sequence;
    if (payloads_ &&
        wire::crc32(bytes.substr(kFrameHeader, frame.payload_size())) != frame.payload_crc)
      problem(name, "a damaged request", offset);
    if (acknowledged_.contains(frame.sequence)) return;
    if (out_.waiting.frames++ == 0) out_.oldest_ms = frame.oldest_ms;
    out_.oldest_ms = std::min(out_.oldest_ms, frame.oldest_ms);
    out_.newest_ms = std::max(out_.newest_ms, frame.newest_ms);
    out_.waiting.items += frame.items;
    out_.waiting.bytes += frame.payload_size();
  }
  void problem(const std::string& name, std::string_view what,
               std::optional<std::size_t> offset = {}) {
    std::string text = name + ": " + std::string(what);
    if (offset) text += " at byte " + std::to_string(*offset);
    out_.problems.push_back(std::move(text));
  }

  Files& files_;
  LogSummary& out_;
  bool payloads_;
  SequenceSet acknowledged_;
  std::uint64_t last_ = 0;
};

std::vector<std::string> folders_in(Files& files, const std::string& path) {
  std::vector<std::string> out;
  if (const auto entries = files.list(path))
    for (const DirectoryEntry& e : *entries)
      if (e.kind == FileInfo::Kind::directory) out.push_back(e.name);
  return out;
}

}  // namespace

LogSummary inspect_log(Files& files, const std::string& folder, bool payloads) {
  LogSummary out;
  out.path = folder;
  Inspection inspection(files, out, payloads);
  if (const auto entries = files.list(folder))
    for (const DirectoryEntry& e : *entries)
      if (const auto first = parse_segment_name(e.name)) inspection.segment(e.name, *first);
  if (const auto kept = files.list(folder + "/quarantine")) out.quarantined = kept->size();
  return out;
}

std::vector<LogSummary> inspect_outbox(Files& files, const std::string& root, bool payloads) {
  std::vector<LogSummary> out;
  for (const std::string& component : folders_in(files, root))
    for (const std::string& number : folders_in(files, root + "/" + component)) {
      const std::string owner = root + "/" + component + "/" + number;
      // Held for a moment only; whoever starts just now takes the next number.
      const bool owned = !files.lock(owner + "/lock");
      for (const std::string& log : folders_in(files, owner)) {
        out.push_back(inspect_log(files, owner + "/" + log, payloads));
        out.back().component = component;
        out.back().owned = owned;
      }
    }
  return out;
}

}  // namespace collector::outbox
