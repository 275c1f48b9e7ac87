#include "outbox/file_log.hpp"

#include "wire/checksum.hpp"

#include <algorithm>

namespace collector::outbox {
namespace {

constexpr std::size_t kBlock = 16 << 10;
constexpr Duration kCursorEvery = std::chrono::seconds(1);
constexpr std::string_view kQuarantine = "/quarantine";
constexpr std::size_t kMostQuarantined = 100;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// A folder whose name survives a loss of power, and its parents.
Status make_durable_folder(Files& files, const std::string& folder) {
  std::vector<std::string> made;
  for (std::string at = folder; at != "/" && at != "." && !files.info(at); at = parent_of(at))
    made.push_back(at);
  if (Status s = files.make_directories(folder); !s.ok()) return s;
  for (auto at = made.rbegin(); at != made.rend(); ++at)
    if (Status s = files.sync_directory(parent_of(*at)); !s.ok()) return s;
  return {};
}

}  // namespace

FileLog::FileLog(Loop& loop, Files& files, Random& random, std::string folder, Options options,
                 Cursor cursor)
    : loop_(loop),
      files_(files),
      random_(random),
      folder_(std::move(folder)),
      options_(std::move(options)),
      cursor_(std::move(cursor)),
      acknowledged_(cursor_.acknowledged()) {
  limit(options_.most);
}

FileLog::~FileLog() {
  loop_.disarm(cursor_timer_);
  cursor_stale_ = true;
  save();
  if (!cursor_stale_) seal();
}

Result<std::unique_ptr<FileLog>> FileLog::open(Loop& loop, Files& files, Random& random,
                                               const std::string& folder, Options options) {
  if (Status s = make_durable_folder(files, folder); !s.ok()) return s;
  auto cursor = Cursor::open(files, folder + "/cursor");
  if (!cursor) return cursor.error();
  std::unique_ptr<FileLog> log(
      new FileLog(loop, files, random, folder, std::move(options), std::move(*cursor)));
  if (Status s = log->recover(); !s.ok()) return s;
  return log;
}

void FileLog::limit(std::uint64_t most) {
  options_.most = most;
  // Room comes back a segment at a time.
  options_.segment_size = std::min(options_.segment_size, most / 8);
}

// --- what is there -----------------------------------------------------------------------------

Status FileLog::read_segment_header(std::uint64_t first, Segment& segment) {
  auto file = file_of(first);
  if (!file) return file.error();
  std::string page(kSegmentHeader, '\0');
  const auto got = (*file)->read_at(0, std::as_writable_bytes(std::span(page)));
  if (!got) return got.error();
  SegmentHeader header;
  switch (decode_segment_header(std::string_view(page).substr(0, *got), header)) {
    case HeaderState::newer:
      return Status(Code::failed_precondition, path(first) + " was written by a later version");
    case HeaderState::damaged:  // its frames still say what they are
      return {};
    case HeaderState::good:
      segment.id = header.id;
      segment.created_ms = header.created_ms;
  }
  return {};
}

Status FileLog::recover() {
  const auto entries = files_.list(folder_);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    const auto first = parse_segment_name(entry.name);
    if (!first) continue;
    const auto info = files_.info(path(*first));
    if (!info) return info.error();
    Segment segment;
    segment.size = info->size;
    segment.last = *first - 1;
    if (Status s = read_segment_header(*first, segment); !s.ok()) return s;
    segments_.emplace(*first, segment);
    size_ += segment.size;
  }
  Position position;
  if (!segments_.empty()) {
    acknowledged_.add(1, segments_.begin()->first - 1);
    position.sequence = segments_.begin()->first - 1;
  }
  for (auto& [first, segment] : segments_) {
    position.segment = first;
    position.offset = kSegmentHeader;
    while (auto frame = frame_at(first, segment, position.offset, position.sequence)) {
      if (frame->sequence > position.sequence + 1) missing(position.sequence, *frame);
      position.sequence = segment.last = frame->sequence;
      items_ = frame->items_before + frame->items;
      if (acknowledged_.contains(frame->sequence)) continue;
      ++waiting_.frames;
      waiting_.items += frame->items;
      waiting_.bytes += frame->payload_size();
    }
  }
  // A cursor may know of frames that a loss of power took: their numbers are not used again, or
  // new frames would count as acknowledged.
  next_sequence_ = std::max(position.sequence, acknowledged_.last()) + 1;
  acknowledged_.add(position.sequence + 1, next_sequence_ - 1);
  for (auto at = segments_.begin(); at != segments_.end();) remove_delivered(at++);
  give_back_reserve();
  return {};
}

/// A run that was killed did not give back what its last segment reserved; many such runs would fill
/// the disk with nothing.
void FileLog::give_back_reserve() {
  if (segments_.empty()) return;
  const auto& [first, segment] = *segments_.rbegin();
  if (auto file = files_.open(path(first), Files::Mode::modify))
    (void)(*file)->truncate(segment.size);
}

Result<std::shared_ptr<File>> FileLog::file_of(std::uint64_t first) {
  if (active_ && first == segments_.rbegin()->first) return active_;
  if (opened_.second && opened_.first == first) return opened_.second;
  auto file = files_.open(path(first), Files::Mode::read);
  if (!file) return file.error();
  opened_ = {first, std::shared_ptr<File>(std::move(*file))};
  return opened_.second;
}

std::optional<std::string_view> FileLog::peek(std::uint64_t first, const Segment& segment,
                                              std::uint64_t offset) {
  const auto held = [&] {
    return block_.segment == first && offset >= block_.offset &&
           offset + kFrameHeader <= block_.offset + block_.bytes.size();
  };
  if (!held()) {
    auto file = file_of(first);
    if (!file) return std::nullopt;
    block_.segment = 0;
    block_.bytes.resize(std::min<std::uint64_t>(kBlock, segment.size - offset));
    const auto got = (*file)->read_at(offset, std::as_writable_bytes(std::span(block_.bytes)));
    if (!got) return std::nullopt;
    block_.bytes.resize(*got);
    block_.segment = first;
    block_.offset = offset;
    if (!held()) return std::nullopt;
  }
  return std::string_view(block_.bytes).substr(offset - block_.offset, kFrameHeader);
}

/// The next frame from `offset` on, which moves behind it. What is no frame is passed over in steps
/// of the alignment: the next good header counts if its sequence goes on.
std::optional<StoredFrame> FileLog::frame_at(std::uint64_t first, Segment& segment,
                                             std::uint64_t& offset, std::uint64_t after) {
  for (; offset + kFrameHeader <= segment.size; offset += kFrameAlign) {
    const auto header = peek(first, segment, offset);
    if (!header) return std::nullopt;
    std::uint64_t id = segment.id;
    const auto frame = decode_frame_header(*header, id);
    if (!frame || frame->sequence <= after || offset + frame->size() > segment.size) continue;
    segment.id = id;
    const StoredFrame found{*frame, first, offset};
    offset += frame->size();
    return found;
  }
  return std::nullopt;
}

/// Frames between `after` and `found` are gone unless they were acknowledged.
void FileLog::missing(std::uint64_t after, const Frame& found) {
  const std::uint64_t between = found.sequence - after - 1;
  const std::uint64_t lost = between - acknowledged_.count(after + 1, found.sequence - 1);
  acknowledged_.add(after + 1, found.sequence - 1);
  damage_.frames += lost;
  // Known exactly when the whole gap is lost.
  if (lost == between && found.items_before > items_) damage_.items += found.items_before - items_;
}

std::optional<StoredFrame> FileLog::next(Position& position) {
  for (auto at = segments_.lower_bound(position.segment); at != segments_.end(); ++at) {
    auto& [first, segment] = *at;
    if (first != position.segment) {
      position.segment = first;
      position.offset = kSegmentHeader;
    }
    while (auto frame = frame_at(first, segment, position.offset, position.sequence)) {
      position.sequence = frame->sequence;
      if (!acknowledged_.contains(frame->sequence)) return frame;
    }
  }
  return std::nullopt;
}

Result<std::string> FileLog::read(const StoredFrame& frame) {
  auto file = file_of(frame.segment);
  if (!file) return file.error();
  std::string payload(frame.payload_size(), '\0');
  const auto got =
      (*file)->read_at(frame.offset + kFrameHeader, std::as_writable_bytes(std::span(payload)));
  if (!got) return got.error();
  if (*got == payload.size() && wire::crc32(payload) == frame.payload_crc) return payload;
  ++damage_.frames;
  damage_.items += frame.items;
  return Status(Code::data_loss, path(frame.segment) + ": a frame is damaged");
}

std::int64_t FileLog::oldest_ms() const {
  return segments_.empty() ? 0 : segments_.begin()->second.created_ms;
}

// --- appending ---------------------------------------------------------------------------------

Status FileLog::begin_segment() {
  const std::uint64_t first = next_sequence_;
  Segment segment;
  segment.last = first - 1;
  segment.created_ms = loop_.wall().unix_ms();
  do segment.id = random_.next();
  while (segment.id == 0);
  auto file = files_.open(path(first), Files::Mode::create_new);
  if (!file) return file.error();
  const std::string header =
      encode_segment_header({segment.id, first, segment.created_ms, options_.destination});
  Status s = (*file)->reserve(options_.segment_size);
  if (s.ok()) s = (*file)->append(bytes_of(header));
  if (!s.ok()) {
    file->reset();
    (void)files_.remove(path(first));
    return s;
  }
  segment.size = header.size();
  size_ += segment.size;
  segments_.emplace(first, segment);
  active_ = std::move(*file);
  unsynced_.names = true;
  return {};
}

void FileLog::seal() {
  if (!active_) return;
  auto last = std::prev(segments_.end());
  (void)active_->truncate(last->second.size);  // gives back what was reserved
  active_.reset();
  remove_delivered(last);
}

Result<StoredFrame> FileLog::append(Frame frame, std::string& buffer) {
  const std::string_view payload = std::string_view(buffer).substr(kFrameHeader);
  if (payload.size() > kMaxPayload)
    return Status(Code::invalid_argument, "a request of more than 64 MiB");
  frame.sequence = next_sequence_;
  frame.items_before = items_;
  frame.body_size = static_cast<std::uint32_t>(payload.size() - frame.context_size);
  frame.payload_crc = wire::crc32(payload);
  frame.context_hash = hash_of_context(payload.substr(0, frame.context_size));
  buffer.resize(frame.size(), '\0');
  const bool fits =
      active_ && segments_.rbegin()->second.size + buffer.size() <= options_.segment_size;
  const std::uint64_t need = buffer.size() + (fits ? 0 : kSegmentHeader);
  if (size_ + need > options_.most && size_ > 0) {
    seal();  // what is delivered of it may make room
    if (size_ + need > options_.most) return Status(Code::resource_exhausted, "the outbox is full");
  }
  if (!fits || !active_) {
    seal();
    if (Status s = begin_segment(); !s.ok()) return s;
  }
  auto& [first, segment] = *segments_.rbegin();
  encode_frame_header(frame, segment.id, buffer.data());
  if (Status s = active_->append(bytes_of(buffer)); !s.ok()) {
    // Nothing follows a torn frame; and the room of this segment comes back once it is delivered.
    block_ = {};
    seal();
    return s;
  }
  const StoredFrame stored{frame, first, segment.size};
  unsynced_.files.try_emplace(first, active_);
  segment.last = frame.sequence;
  segment.size += buffer.size();
  size_ += buffer.size();
  ++next_sequence_;
  items_ += frame.items;
  ++waiting_.frames;
  waiting_.items += frame.items;
  waiting_.bytes += frame.payload_size();
  return stored;
}

// --- acknowledging -----------------------------------------------------------------------------

bool FileLog::acknowledge(const StoredFrame& frame) {
  if (acknowledged_.contains(frame.sequence)) return false;
  acknowledged_.add(frame.sequence, frame.sequence);
  --waiting_.frames;
  waiting_.items -= frame.items;
  waiting_.bytes -= frame.payload_size();
  cursor_stale_ = true;
  if (cursor_timer_ == TimerId::none)
    cursor_timer_ = loop_.arm(kCursorEvery, [this] {
      cursor_timer_ = TimerId::none;
      save();
    });
  if (auto at = segments_.find(frame.segment); at != segments_.end()) remove_delivered(at);
  was_acknowledged(frame.sequence);
  return true;
}

void FileLog::remove_delivered(Segments::iterator at) {
  const auto& [first, segment] = *at;
  const bool is_active = active_ && std::next(at) == segments_.end();
  if (is_active || (segment.last >= first && !acknowledged_.covers(first, segment.last))) return;
  save();
  if (opened_.first == first) opened_ = {};
  if (block_.segment == first) block_ = {};
  unsynced_.files.erase(first);  // else its room would not come back before a sync
  if (!files_.remove(path(first)).ok()) return;
  size_ -= segment.size;
  segments_.erase(at);
}

void FileLog::save() {
  if (!cursor_stale_) return;
  // A cursor that cannot be written costs requests that are sent twice.
  cursor_stale_ = !cursor_.write(acknowledged_).ok();
}

std::uint64_t FileLog::drop_oldest() {
  if (segments_.empty()) return 0;
  if (segments_.size() == 1) seal();
  if (segments_.empty()) return 0;
  const std::uint64_t before = waiting_.items;
  const std::uint64_t first = segments_.begin()->first;
  Position position;
  for (auto frame = next(position); frame && frame->segment == first; frame = next(position))
    acknowledge(*frame);
  return before - waiting_.items;
}

Status FileLog::quarantine(const StoredFrame& frame, std::string_view reason) {
  const std::string folder = folder_ + std::string(kQuarantine);
  auto payload = read(frame);
  if (!payload) return payload.error();
  if (Status s = files_.make_directories(folder); !s.ok()) return s;
  if (auto kept = files_.list(folder); kept && kept->size() >= kMostQuarantined)
    (void)files_.remove(folder + "/" + kept->front().name);
  std::string name = segment_name(frame.sequence);
  name.replace(name.size() - 4, 4, ".rejected");
  auto file = files_.open(folder + "/" + name, Files::Mode::append);
  if (!file) return file.error();
  std::string text(reason);
  text += "\n\n";
  text.append(*payload, frame.context_size);
  return (*file)->append(bytes_of(text));
}

}  // namespace collector::outbox
