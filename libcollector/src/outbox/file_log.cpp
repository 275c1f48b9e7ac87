#include "outbox/file_log.hpp"

#include "wire/checksum.hpp"

#include <algorithm>
#include <cstring>
#include <set>

namespace collector::outbox {
namespace {

constexpr std::size_t kBlock = 16 << 10;
constexpr Duration kCursorEvery = std::chrono::seconds(1);
constexpr std::string_view kQuarantine = "/quarantine";
constexpr std::string_view kReserve = "/reserve";
constexpr Duration kReserveEvery = std::chrono::seconds(1);
constexpr std::size_t kMostQuarantined = 100;
// What a disk reads or does not as a whole; and how often a read is tried, by someone who comes
// again after a while.
constexpr std::uint64_t kPage = 4096;
constexpr int kReadTries = 4;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// A folder whose name survives a loss of power, and its parents. Those that are there already may
/// have been made a moment ago, by somebody who did not sync them; of those that are older, some
/// may not be ours to open.
Status make_durable_folder(Files& files, const std::string& folder) {
  std::set<std::string> made;
  for (std::string at = folder; at != "/" && at != "." && !files.info(at); at = parent_of(at))
    made.insert(at);
  if (Status s = files.make_directories(folder); !s.ok()) return s;
  for (std::string at = folder; at != "/" && at != "."; at = parent_of(at))
    if (Status s = files.sync_directory(parent_of(at)); !s.ok() && made.contains(at)) return s;
  return {};
}

}  // namespace

FileLog::FileLog(Loop& loop, Files& files, Random& random, std::string folder, Options options,
                 std::shared_ptr<void> lock, Cursor cursor)
    : loop_(loop),
      files_(files),
      random_(random),
      folder_(std::move(folder)),
      options_(std::move(options)),
      lock_(std::move(lock)),
      cursor_(std::move(cursor)),
      acknowledged_(cursor_.acknowledged()) {
  limit(options_.most);
}

FileLog::~FileLog() {
  tell(0);
  loop_.disarm(cursor_timer_);
  loop_.disarm(sync_timer_);
  cursor_stale_ = true;
  save();
  if (!cursor_stale_) seal();
}

Result<std::unique_ptr<FileLog>> FileLog::open(Loop& loop, Files& files, Random& random,
                                               const std::string& folder, Options options) {
  if (Status s = make_durable_folder(files, folder); !s.ok()) return s;
  auto lock = files.lock(folder + "/lock");
  if (!lock && lock.error().code() == Code::failed_precondition)
    return Status(Code::already_exists, folder + " is in use");
  if (!lock) return lock.error();
  auto cursor = Cursor::open(files, folder + "/cursor");
  if (!cursor && cursor.error().code() == Code::resource_exhausted &&
      files.remove(folder + std::string(kReserve)).ok())
    cursor = Cursor::open(files, folder + "/cursor");
  if (!cursor) return cursor.error();
  std::unique_ptr<FileLog> log(new FileLog(loop, files, random, folder, std::move(options),
                                           std::move(*lock), std::move(*cursor)));
  const auto reserve = files.info(folder + std::string(kReserve));
  log->reserved_ = reserve && reserve->size >= log->options_.reserve;
  if (Status s = log->recover(); !s.ok()) return s;
  log->has_reserve();
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
  SegmentHeader header;
  switch (decode_segment_header(std::string_view(page).substr(0, got ? *got : 0), header)) {
    case HeaderState::newer:
      return Status(Code::failed_precondition, path(first) + " was written by a later version");
    case HeaderState::damaged:  // its frames still say what they are
      return {};
    case HeaderState::good:
      if (header.destination.fingerprint != options_.destination.fingerprint)
        return Status(Code::failed_precondition, path(first) + " is for another destination");
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
  bool blind = false;  // since the frame before a page was passed over that cannot be read
  for (auto& [first, segment] : segments_) {
    position.segment = first;
    position.offset = kSegmentHeader;
    for (;;) {
      const auto found = frame_at(first, segment, position.offset, position.sequence);
      if (!found && found.error().code() != Code::unavailable) return found.error();
      if (!found) {
        blind = true;
        position.offset = (position.offset / kPage + 1) * kPage;
        continue;
      }
      const auto& frame = *found;
      if (!frame) break;
      const Gap lost = gap(position, frame->sequence, frame->items_before);
      if (std::exchange(blind, false)) unread_.add(lost.frames);
      damage_.items += lost.items.value_or(0);
      position = Position::behind(*frame);
      segment.last = frame->sequence;
      items_ = *position.items;
      if (acknowledged_.contains(frame->sequence)) continue;
      ++waiting_.frames;
      waiting_.items += frame->items;
      waiting_.bytes += frame->payload_size();
    }
  }
  if (blind) {  // the numbers that the last segment may hold are taken
    const auto& [first, segment] = *segments_.rbegin();
    const std::uint64_t last = std::max(first, position.sequence) + segment.size / kFrameAlign;
    unread_.add(acknowledged_.missing(position.sequence + 1, last));
    acknowledged_.add(position.sequence + 1, last);
    position.sequence = last;
  }
  // A cursor may know of frames that a loss of power took: their numbers are not used again, or
  // new frames would count as acknowledged.
  next_sequence_ = std::max(position.sequence, acknowledged_.last()) + 1;
  acknowledged_.add(position.sequence + 1, next_sequence_ - 1);
  for (auto at = segments_.begin(); at != segments_.end();) remove_delivered(at++);
  give_back_reserve();
  return {};
}

/// A run that was killed did not give back what its last segment reserved; many such runs would
/// fill the disk with nothing.
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

Result<std::string_view> FileLog::peek(std::uint64_t first, const Segment& segment,
                                       std::uint64_t offset) {
  const auto held = [&] {
    return block_.segment == first && offset >= block_.offset &&
           offset + kFrameHeader <= block_.offset + block_.bytes.size();
  };
  if (!held()) {
    auto file = file_of(first);
    if (!file) return file.error();
    block_.segment = 0;
    block_.bytes.resize(std::min<std::uint64_t>(kBlock, segment.size - offset));
    const auto got = (*file)->read_at(offset, std::as_writable_bytes(std::span(block_.bytes)));
    if (!got) return got.error();
    block_.bytes.resize(*got);
    block_.segment = first;
    block_.offset = offset;
    if (!held()) return Status(Code::not_found, path(first) + " is shorter than it was");
  }
  return std::string_view(block_.bytes).substr(offset - block_.offset, kFrameHeader);
}

/// The next frame from `offset` on, which moves behind it. What is no frame is passed over in steps
/// of the alignment: the next good header counts if its sequence goes on. Nothing at the end; an
/// error when the disk cannot be read at `offset`.
Result<std::optional<StoredFrame>> FileLog::frame_at(std::uint64_t first, Segment& segment,
                                                     std::uint64_t& offset, std::uint64_t after) {
  for (; offset + kFrameHeader <= segment.size; offset += kFrameAlign) {
    const auto header = peek(first, segment, offset);
    if (!header && header.error().code() == Code::not_found) break;  // somebody took it away
    if (!header) return header.error();
    std::uint64_t id = segment.id;
    const auto frame = decode_frame_header(*header, id);
    if (!frame || frame->sequence <= after || offset + frame->size() > segment.size) continue;
    segment.id = id;
    const StoredFrame found{*frame, first, offset};
    offset += frame->size();
    return std::optional(found);
  }
  return std::optional<StoredFrame>();
}

/// Frames between `position` and `sequence` are gone unless they were acknowledged, as they all are
/// from now on.
FileLog::Gap FileLog::gap(const Position& position, std::uint64_t sequence,
                          std::uint64_t items_before) {
  const std::uint64_t first = position.sequence + 1;
  if (sequence <= first) return {};
  Gap gap{acknowledged_.missing(first, sequence - 1), {}};
  acknowledged_.add(first, sequence - 1);
  const std::uint64_t frames = gap.frames.size();
  damage_.frames += frames;
  // Known exactly when the whole gap is lost.
  if (frames == sequence - first && position.items && items_before >= *position.items)
    gap.items = items_before - *position.items;
  return gap;
}

/// A reader goes on from `position` to `sequence`: what waited in between and was not found is
/// lost.
void FileLog::pass(const Position& position, std::uint64_t sequence, std::uint64_t items_before) {
  const Gap lost = gap(position, sequence, items_before);
  if (lost.frames.empty() || waiting_.frames == 0) return;
  lost_.add(lost.frames);
  const std::uint64_t frames = std::min(lost.frames.size(), waiting_.frames);
  const auto share = [&](std::uint64_t all) { return all / waiting_.frames * frames; };
  std::uint64_t items = std::min(lost.items.value_or(share(waiting_.items)), waiting_.items);
  if (frames == waiting_.frames) items = waiting_.items;
  waiting_.bytes -= frames == waiting_.frames ? waiting_.bytes : share(waiting_.bytes);
  waiting_.items -= items;
  waiting_.frames -= frames;
  damage_.items += items;
  cursor_stale_ = true;
  for (auto at = segments_.begin(); at != segments_.end() && at->first < sequence;)
    remove_delivered(at++);
  was_lost(items);
}

/// A page that stays unreadable is damage like any other. False: it is to be tried again.
bool FileLog::give_up_page(Position& position, const Status& why) {
  if (why.code() != Code::unavailable || ++unreadable_ < kReadTries) return false;
  position.offset = (position.offset / kPage + 1) * kPage;
  return true;
}

std::optional<StoredFrame> FileLog::next(Position& position) {
  auto at = segments_.lower_bound(position.segment);
  while (at != segments_.end()) {
    auto& [first, segment] = *at;
    if (first != position.segment) {
      position.segment = first;
      position.offset = kSegmentHeader;
    }
    const auto found = frame_at(first, segment, position.offset, position.sequence);
    if (!found && !give_up_page(position, found.error())) return std::nullopt;
    if (!found) continue;
    const auto& frame = *found;
    if (!frame) {
      ++at;
      continue;
    }
    unreadable_ = 0;
    pass(position, frame->sequence, frame->items_before);
    position = Position::behind(*frame);
    if (!acknowledged_.contains(frame->sequence)) return frame;
    at = segments_.lower_bound(position.segment);
  }
  pass(position, next_sequence_, items_);
  position.sequence = next_sequence_ - 1;
  position.items = items_;
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
  if (!file && file.error().code() == Code::already_exists) skip_number();
  if (!file) return file.error();
  const std::string header =
      encode_segment_header({segment.id, first, segment.created_ms, options_.destination});
  Status s = (*file)->reserve(options_.segment_size);
  if (s.ok()) s = (*file)->append(bytes_of(header));
  if (!s.ok()) {
    file->reset();
    if (!files_.remove(path(first)).ok()) skip_number();
    return s;
  }
  segment.size = header.size();
  size_ += segment.size;
  segments_.emplace(first, segment);
  active_ = std::move(*file);
  unsynced_.names = true;
  return {};
}

/// What failed may be on the disk all the same: a frame of the same number behind it would be taken
/// for an old one.
void FileLog::skip_number() {
  acknowledged_.add(next_sequence_, next_sequence_);
  ++next_sequence_;
  cursor_stale_ = true;
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
  if (!has_reserve()) return Status(Code::resource_exhausted, "the disk is full");
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
    skip_number();
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
  if (acknowledged_.contains(frame.sequence)) {
    const auto at = moved_.find(frame.sequence);
    return at != moved_.end() && acknowledge(StoredFrame(at->second));
  }
  if (const auto at = moved_from_.find(frame.sequence); at != moved_from_.end()) {
    moved_.erase(at->second);
    moved_from_.erase(at);
  }
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
  const auto behind = std::next(at);
  const std::uint64_t next = behind == segments_.end() ? next_sequence_ : behind->first;
  if (unread_.count(first, next - 1) > 0) return;
  save();
  if (opened_.first == first) opened_ = {};
  if (block_.segment == first) block_ = {};
  unsynced_.files.erase(first);  // else its room would not come back before a sync
  const Status gone = with_reserve([&] { return files_.remove(path(first)); });
  if (!gone.ok() && gone.code() != Code::not_found) return;
  size_ -= segment.size;
  segments_.erase(at);
  reserve_tried_ = {};  // there is room now
}

void FileLog::save() {
  if (!cursor_stale_) return;
  // A cursor that cannot be written costs requests that are sent twice.
  cursor_stale_ =
      !with_reserve([&] {
         return cursor_.write(unread_.empty() ? acknowledged_ : acknowledged_.without(unread_));
       }).ok();
}

/// Where overwriting takes room (btrfs, ZFS), what makes room needs some: the reserve is given up
/// for it, and made again before anything is appended.
Status FileLog::with_reserve(Function<Status()> work) {
  Status s = work();
  if (s.code() != Code::resource_exhausted || !reserved_) return s;
  reserved_ = false;
  (void)files_.remove(folder_ + std::string(kReserve));
  return work();
}

/// Makes the reserve if it is not there.
bool FileLog::has_reserve() {
  if (reserved_ || options_.reserve == 0) return true;
  if (reserve_tried_ != Instant{} && loop_.now() - reserve_tried_ < kReserveEvery) return false;
  reserve_tried_ = loop_.now();
  const std::string path = folder_ + std::string(kReserve);
  (void)files_.remove(path);
  auto file = files_.open(path, Files::Mode::create_new);
  // Bytes that no file system can leave out or squeeze.
  std::string bytes(options_.reserve / 8 * 8, '\0');
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t noise = random_.next();
    std::memcpy(bytes.data() + at, &noise, 8);
  }
  reserved_ = file && (*file)->append(bytes_of(bytes)).ok();
  if (file && !reserved_) (void)files_.remove(path);
  return reserved_;
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
