#include <collector/engine/testing.hpp>

#include <algorithm>
#include <cstring>
#include <optional>

namespace collector::testing {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::uint64_t kPage = 4096;

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

struct Inode {
  struct Overwritten {
    std::size_t offset;
    std::string before;
  };
  std::string content;
  std::size_t synced = 0;                ///< bytes that survive
  std::uint64_t reserved = 0;            ///< bytes that it has room for
  std::optional<std::uint64_t> bad;      ///< a page that cannot be read
  std::vector<Overwritten> overwritten;  ///< and were not synced since
  std::uint64_t number = 0;
  WallTime modified;

  void sync() {
    synced = content.size();
    overwritten.clear();
  }
  /// What is left after the power went.
  void tear(Random& chance);
};

void Inode::tear(Random& chance) {
  for (auto change = overwritten.rbegin(); change != overwritten.rend(); ++change) {
    std::size_t at = 0;
    while (at < change->before.size()) {
      const std::size_t sector_end = ((change->offset + at) / kSector + 1) * kSector;
      const std::size_t end = std::min(change->before.size(), sector_end - change->offset);
      const auto what = chance.below(5);  // two of old, two of new, one torn
      for (std::size_t i = at; i < end && change->offset + i < content.size(); ++i)
        if (what < 2 || (what == 4 && chance.below(2) == 0))
          content[change->offset + i] = change->before[i];
      at = end;
    }
  }
  content.resize(synced + chance.below(content.size() - synced + 1));
  if (content.size() > synced) {
    // The last sector may hold anything.
    const std::size_t last = (content.size() - 1) / kSector * kSector;
    for (std::size_t i = std::max(last, synced); i < content.size(); ++i)
      if (chance.below(2) == 0) content[i] = static_cast<char>(chance.next());
  }
  sync();
}

}  // namespace

struct SimulatedFiles::State {
  State(SimulatedLoop& l, Random& r) : loop(l), chance(r) {}

  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  SimulatedLoop& loop;
  Random& chance;
  Names names, durable;
  std::set<std::string> directories{"/", "."}, durable_directories{"/", "."};
  std::map<std::string, std::weak_ptr<void>> locks;
  std::uint64_t calls = 0, fail_at = 0, cut_at = 0, inodes = 0;
  bool down = false;  ///< the power is off
  bool reserves = false, copies_on_write = false;
  std::uint64_t capacity = UINT64_MAX;
  std::uint64_t life = 0;  ///< descriptors of an earlier one are dead
  Status failure;
  Function<bool(const std::string&)> ignored;

  /// Counts the call; the status of one that is to fail.
  Status enter() {
    ++calls;
    if (calls == cut_at) {
      cut_power();
      down = true;
    }
    if (down) return {Code::unavailable, "the power is off"};
    if (fail_at == 0 || calls != fail_at) return {};
    fail_at = 0;
    return failure;
  }
  std::uint64_t used() const {
    std::uint64_t bytes = 0;
    for (const auto& [path, inode] : names)
      bytes += std::max<std::uint64_t>(inode->content.size(), inode->reserved);
    return bytes;
  }
  std::uint64_t room() const {
    const std::uint64_t taken = used();
    return capacity > taken ? capacity - taken : 0;
  }
  std::shared_ptr<Inode> create(const std::string& path) {
    auto inode = std::make_shared<Inode>();
    inode->number = ++inodes;
    inode->modified = loop.wall();
    names[path] = inode;
    return inode;
  }
  void cut_power();
  bool ignores(const std::string& path) { return ignored && ignored(path); }
  FileInfo describe(const Inode& inode) const {
    FileInfo info;
    info.kind = FileInfo::Kind::regular;
    info.size = inode.content.size();
    info.mode = 0600;
    info.inode = inode.number;
    info.device = 1;
    info.modified = inode.modified;
    return info;
  }
};

namespace {

Status missing(const std::string& path) {
  return {Code::not_found, path + ": No such file or directory"};
}

class SimulatedFile final : public File {
 public:
  SimulatedFile(std::shared_ptr<SimulatedFiles::State> state, std::shared_ptr<Inode> inode,
                std::string path, Files::Mode mode)
      : state_(std::move(state)),
        inode_(std::move(inode)),
        path_(std::move(path)),
        mode_(mode),
        life_(state_->life) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (Status s = usable(); !s.ok()) return s;
    const std::string& content = inode_->content;
    if (offset >= content.size()) return std::size_t{0};
    std::size_t n = std::min<std::size_t>(into.size(), content.size() - offset);
    if (const auto bad = inode_->bad; bad && offset < *bad + kPage && offset + n > *bad) {
      if (offset >= *bad) return Status(Code::unavailable, "read: Input/output error");
      n = *bad - offset;  // what is before it
    }
    std::memcpy(into.data(), content.data() + offset, n);
    return n;
  }
  Status append(std::span<const std::byte> bytes) override {
    return write(inode_->content.size(), bytes);
  }
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (mode_ != Files::Mode::modify) return {Code::failed_precondition, "not opened to modify"};
    return write(offset, bytes);
  }
  Status truncate(std::uint64_t size) override {
    if (Status s = usable(); !s.ok()) return s;
    inode_->content.resize(size);
    inode_->reserved = 0;
    inode_->synced = std::min<std::size_t>(inode_->synced, size);
    return {};
  }
  Status reserve(std::uint64_t size) override {
    if (Status s = usable(); !s.ok() || !state_->reserves) return s;
    const auto has = std::max<std::uint64_t>(inode_->content.size(), inode_->reserved);
    if (size > has && size - has > state_->room())
      return {Code::resource_exhausted, "reserve: No space left on device", false};
    inode_->reserved = std::max(inode_->reserved, size);
    return {};
  }
  Status sync() override {
    if (Status s = usable(); !s.ok()) return s;
    if (!state_->ignores(path_)) inode_->sync();
    return {};
  }
  Result<FileInfo> info() override {
    if (Status s = usable(); !s.ok()) return s;
    return state_->describe(*inode_);
  }

 private:
  bool dead() const { return life_ != state_->life; }
  Status usable() {
    if (dead()) return {Code::unavailable, "the power was cut"};
    return state_->enter();
  }
  Status write(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (mode_ == Files::Mode::read) return {Code::failed_precondition, "opened for reading"};
    if (Status s = usable(); !s.ok()) {
      // A failed write may leave a prefix behind.
      if (!dead()) put(offset, bytes.first(state_->chance.below(bytes.size() + 1)));
      return s;
    }
    const std::uint64_t room = state_->room();
    const auto had = std::max<std::uint64_t>(inode_->content.size(), inode_->reserved);
    const std::uint64_t end = offset + bytes.size();
    const auto overwrites = std::min<std::uint64_t>(end, inode_->content.size());
    if (state_->copies_on_write && overwrites > offset && overwrites - offset > room)
      return {Code::resource_exhausted, "write: No space left on device", false};
    if (end > had && end - had > room) {
      put(offset,
          bytes.first(bytes.size() - std::min<std::size_t>(bytes.size(), end - had - room)));
      return {Code::resource_exhausted, "write: No space left on device", false};
    }
    put(offset, bytes);
    return {};
  }
  void put(std::uint64_t offset, std::span<const std::byte> bytes) {
    std::string& content = inode_->content;
    if (bytes.empty()) return;
    if (offset < inode_->synced) {
      const std::size_t n = std::min<std::size_t>(bytes.size(), inode_->synced - offset);
      inode_->overwritten.push_back({offset, content.substr(offset, n)});
    }
    if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
    std::memcpy(content.data() + offset, bytes.data(), bytes.size());
    inode_->modified = state_->loop.wall();
  }

  std::shared_ptr<SimulatedFiles::State> state_;
  std::shared_ptr<Inode> inode_;
  std::string path_;
  Files::Mode mode_;
  std::uint64_t life_;
};

}  // namespace

SimulatedFiles::SimulatedFiles(SimulatedLoop& loop, Random& random)
    : state_(std::make_shared<State>(loop, random)) {}
SimulatedFiles::~SimulatedFiles() = default;

void SimulatedFiles::put(const std::string& path, std::string content) {
  for (std::string at = parent_of(path); at != "/" && at != "."; at = parent_of(at)) {
    state_->directories.insert(at);
    state_->durable_directories.insert(at);
  }
  auto inode = state_->create(path);
  inode->content = std::move(content);
  inode->sync();
  state_->durable[path] = inode;
}

void SimulatedFiles::fail_call(std::uint64_t n, Status status) {
  state_->fail_at = n == 0 ? 0 : state_->calls + n;
  state_->failure = std::move(status);
}
std::uint64_t SimulatedFiles::calls() const { return state_->calls; }
void SimulatedFiles::capacity(std::uint64_t bytes) { state_->capacity = bytes; }

void SimulatedFiles::reserves(bool takes_room) { state_->reserves = takes_room; }
void SimulatedFiles::copies_on_write(bool copies) { state_->copies_on_write = copies; }

void SimulatedFiles::process_killed() {
  ++state_->life;
  state_->locks.clear();
}

void SimulatedFiles::ignore_syncs(Function<bool(const std::string& path)> ignored) {
  state_->ignored = std::move(ignored);
}

void SimulatedFiles::bad_sector(const std::string& path, std::uint64_t offset) {
  state_->names.at(path)->bad = offset;
}

void SimulatedFiles::flip_bit(const std::string& path, std::uint64_t bit) {
  char& byte = state_->names.at(path)->content.at(bit / 8);
  byte = static_cast<char>(byte ^ (1 << (bit % 8)));
}

void SimulatedFiles::State::cut_power() {
  State& s = *this;
  ++life;
  locks.clear();
  // Directories whose name was not synced: each survives or not, and none without its own.
  std::set<std::string> known = s.directories, kept{"/", "."};
  known.insert(s.durable_directories.begin(), s.durable_directories.end());
  for (const std::string& path : known) {  // parents come before what is in them
    const bool same = s.directories.contains(path) && s.durable_directories.contains(path);
    if (kept.contains(parent_of(path)) && (same || s.chance.below(2) == 0)) kept.insert(path);
  }
  s.directories = s.durable_directories = std::move(kept);
  // Names of files likewise.
  State::Names after = s.durable;
  for (const auto& [path, inode] : s.names)
    if (auto at = s.durable.find(path); at == s.durable.end() || at->second != inode)
      if (s.chance.below(2) == 0) after[path] = inode;
  for (const auto& [path, inode] : s.durable)
    if (!s.names.contains(path) && s.chance.below(2) == 0) after.erase(path);
  State::Names fresh;
  std::map<Inode*, std::shared_ptr<Inode>> copies;
  for (const auto& [path, inode] : after) {
    if (!s.directories.contains(parent_of(path))) continue;
    auto& copy = copies[inode.get()];
    if (!copy) {
      copy = std::make_shared<Inode>(*inode);
      copy->tear(s.chance);
    }
    fresh[path] = copy;
  }
  s.names = s.durable = std::move(fresh);
}

void SimulatedFiles::power_cut() { state_->cut_power(); }

void SimulatedFiles::cut_at_call(std::uint64_t n) {
  state_->cut_at = n == 0 ? 0 : state_->calls + n;
}
void SimulatedFiles::power_on() {
  state_->down = false;
  state_->cut_at = 0;
}

Result<std::unique_ptr<File>> SimulatedFiles::open(const std::string& path, Mode mode) {
  if (Status s = state_->enter(); !s.ok()) return s;
  auto at = state_->names.find(path);
  std::shared_ptr<Inode> inode;
  if (at != state_->names.end()) {
    if (mode == Mode::create_new) return Status(Code::already_exists, path + ": File exists");
    inode = at->second;
  } else {
    if (mode == Mode::read || !state_->directories.contains(parent_of(path))) return missing(path);
    inode = state_->create(path);
  }
  return std::unique_ptr<File>(
      std::make_unique<SimulatedFile>(state_, std::move(inode), path, mode));
}

Result<std::string> SimulatedFiles::read(const std::string& path, std::size_t limit) {
  if (Status s = state_->enter(); !s.ok()) return s;
  const auto at = state_->names.find(path);
  if (at == state_->names.end()) return missing(path);
  if (at->second->content.size() > limit)
    return Status(Code::out_of_range, path + ": longer than allowed");
  return at->second->content;
}

Result<std::vector<DirectoryEntry>> SimulatedFiles::list(const std::string& directory) {
  if (Status s = state_->enter(); !s.ok()) return s;
  if (!state_->directories.contains(directory)) return missing(directory);
  std::vector<DirectoryEntry> entries;
  const auto name = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
  for (const auto& [path, inode] : state_->names)
    if (parent_of(path) == directory) entries.push_back({name(path), FileInfo::Kind::regular});
  for (const std::string& path : state_->directories)
    if (path != "/" && path != "." && parent_of(path) == directory)
      entries.push_back({name(path), FileInfo::Kind::directory});
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<FileInfo> SimulatedFiles::info(const std::string& path) {
  if (Status s = state_->enter(); !s.ok()) return s;
  if (auto at = state_->names.find(path); at != state_->names.end())
    return state_->describe(*at->second);
  if (!state_->directories.contains(path)) return missing(path);
  FileInfo info;
  info.kind = FileInfo::Kind::directory;
  info.mode = 0700;
  info.device = 1;
  return info;
}

Result<std::string> SimulatedFiles::read_link(const std::string& path) { return missing(path); }

Result<FileSystemUsage> SimulatedFiles::usage(const std::string&) {
  if (Status s = state_->enter(); !s.ok()) return s;
  FileSystemUsage usage;
  usage.size = state_->capacity;
  usage.free = usage.available = state_->room();
  return usage;
}

Status SimulatedFiles::rename(const std::string& from, const std::string& to) {
  if (Status s = state_->enter(); !s.ok()) return s;
  auto node = state_->names.extract(from);
  if (node.empty()) return missing(from);
  state_->names[to] = node.mapped();
  return {};
}

Status SimulatedFiles::remove(const std::string& path) {
  if (Status s = state_->enter(); !s.ok()) return s;
  if (state_->names.erase(path)) return {};
  if (!state_->directories.contains(path)) return missing(path);
  const std::string inside = path + "/";
  const auto name = state_->names.lower_bound(inside);
  const auto directory = state_->directories.lower_bound(inside);
  if ((name != state_->names.end() && name->first.starts_with(inside)) ||
      (directory != state_->directories.end() && directory->starts_with(inside)))
    return {Code::failed_precondition, "remove " + path + ": Directory not empty"};
  state_->directories.erase(path);
  return {};
}

Status SimulatedFiles::make_directories(const std::string& path) {
  if (Status s = state_->enter(); !s.ok()) return s;
  for (std::string at = path; at != "/" && at != "."; at = parent_of(at))
    state_->directories.insert(at);
  return {};
}

Result<std::shared_ptr<void>> SimulatedFiles::lock(const std::string& path) {
  if (Status s = state_->enter(); !s.ok()) return s;
  if (!state_->names.contains(path)) {
    if (!state_->directories.contains(parent_of(path))) return missing(path);
    state_->create(path);
  }
  auto& held = state_->locks[path];
  if (!held.expired())
    return Status(Code::failed_precondition, path + " is locked by another process");
  auto lock = std::make_shared<int>(0);
  held = lock;
  return std::shared_ptr<void>(std::move(lock));
}

Status SimulatedFiles::sync_directory(const std::string& path) {
  if (Status s = state_->enter(); !s.ok()) return s;
  if (!state_->directories.contains(path)) return missing(path);
  if (state_->ignores(path)) return {};
  std::erase_if(state_->durable_directories, [&](const std::string& d) {
    return parent_of(d) == path && !state_->directories.contains(d);
  });
  for (const std::string& d : state_->directories)
    if (parent_of(d) == path) state_->durable_directories.insert(d);
  std::erase_if(state_->durable, [&](const auto& e) {
    return parent_of(e.first) == path && !state_->names.contains(e.first);
  });
  for (const auto& [name, inode] : state_->names)
    if (parent_of(name) == path) state_->durable[name] = inode;
  return {};
}

}  // namespace collector::testing
