#include <collector/engine/testing.hpp>

#include <algorithm>
#include <cstring>
#include <optional>

namespace collector::testing {
namespace {

constexpr std::size_t kSector = 512;

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

struct Inode {
  std::string content;
  std::size_t synced = 0;  ///< bytes that survive
  std::uint64_t number = 0;
  WallTime modified;
  bool lost = false;  ///< the power went: descriptors of before are dead
};

}  // namespace

struct SimulatedFiles::State {
  State(SimulatedLoop& l, Random& r) : loop(l), chance(r) {}

  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  SimulatedLoop& loop;
  Random& chance;
  Names names, durable;
  std::set<std::string> directories{"/", "."};
  std::uint64_t calls = 0, fail_at = 0, inodes = 0;
  std::uint64_t capacity = UINT64_MAX;
  Status failure;

  /// Counts the call; the status of one that is to fail.
  Status enter() {
    ++calls;
    if (fail_at == 0 || calls != fail_at) return {};
    fail_at = 0;
    return failure;
  }
  std::uint64_t used() const {
    std::uint64_t bytes = 0;
    for (const auto& [path, inode] : names) bytes += inode->content.size();
    return bytes;
  }
  std::shared_ptr<Inode> create(const std::string& path) {
    auto inode = std::make_shared<Inode>();
    inode->number = ++inodes;
    inode->modified = loop.wall();
    names[path] = inode;
    return inode;
  }
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
                Files::Mode mode)
      : state_(std::move(state)), inode_(std::move(inode)), mode_(mode) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (Status s = usable(); !s.ok()) return s;
    const std::string& content = inode_->content;
    if (offset >= content.size()) return std::size_t{0};
    const std::size_t n = std::min<std::size_t>(into.size(), content.size() - offset);
    std::memcpy(into.data(), content.data() + offset, n);
    return n;
  }
  Status append(std::span<const std::byte> bytes) override {
    if (mode_ == Files::Mode::read) return {Code::failed_precondition, "opened for reading"};
    if (Status s = usable(); !s.ok()) {
      // A failed append may leave a prefix behind.
      add(bytes.first(state_->chance.below(bytes.size() + 1)));
      return s;
    }
    const std::uint64_t used = state_->used();
    const std::uint64_t room = state_->capacity > used ? state_->capacity - used : 0;
    if (bytes.size() > room) {
      add(bytes.first(room));
      return {Code::resource_exhausted, "write: No space left on device", false};
    }
    add(bytes);
    return {};
  }
  Status sync() override {
    if (Status s = usable(); !s.ok()) return s;
    inode_->synced = inode_->content.size();
    return {};
  }
  Result<FileInfo> info() override {
    if (Status s = usable(); !s.ok()) return s;
    return state_->describe(*inode_);
  }

 private:
  Status usable() {
    if (inode_->lost) return {Code::unavailable, "the power was cut"};
    return state_->enter();
  }
  void add(std::span<const std::byte> bytes) {
    inode_->content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    inode_->modified = state_->loop.wall();
  }

  std::shared_ptr<SimulatedFiles::State> state_;
  std::shared_ptr<Inode> inode_;
  Files::Mode mode_;
};

}  // namespace

SimulatedFiles::SimulatedFiles(SimulatedLoop& loop, Random& random)
    : state_(std::make_shared<State>(loop, random)) {}
SimulatedFiles::~SimulatedFiles() = default;

void SimulatedFiles::put(const std::string& path, std::string content) {
  for (std::string at = parent_of(path); at != "/" && at != "."; at = parent_of(at))
    state_->directories.insert(at);
  auto inode = state_->create(path);
  inode->content = std::move(content);
  inode->synced = inode->content.size();
  state_->durable[path] = inode;
}

void SimulatedFiles::fail_call(std::uint64_t n, Status status) {
  state_->fail_at = n == 0 ? 0 : state_->calls + n;
  state_->failure = std::move(status);
}
std::uint64_t SimulatedFiles::calls() const { return state_->calls; }
void SimulatedFiles::capacity(std::uint64_t bytes) { state_->capacity = bytes; }

void SimulatedFiles::power_cut() {
  State& s = *state_;
  // Names that were not synced: each survives or not.
  State::Names after = s.durable;
  for (const auto& [path, inode] : s.names)
    if (auto at = s.durable.find(path); at == s.durable.end() || at->second != inode)
      if (s.chance.below(2) == 0) after[path] = inode;
  for (const auto& [path, inode] : s.durable)
    if (!s.names.contains(path) && s.chance.below(2) == 0) after.erase(path);
  State::Names fresh;
  std::map<Inode*, std::shared_ptr<Inode>> copies;
  for (const auto& [path, inode] : after) {
    auto& copy = copies[inode.get()];
    if (!copy) {
      copy = std::make_shared<Inode>(*inode);
      const std::size_t unsynced = copy->content.size() - copy->synced;
      copy->content.resize(copy->synced + s.chance.below(unsynced + 1));
      if (copy->content.size() > copy->synced) {
        // The last sector may hold anything.
        const std::size_t last = (copy->content.size() - 1) / kSector * kSector;
        for (std::size_t i = std::max(last, copy->synced); i < copy->content.size(); ++i)
          if (s.chance.below(2) == 0) copy->content[i] = static_cast<char>(s.chance.next());
      }
      copy->synced = copy->content.size();
    }
    fresh[path] = copy;
  }
  for (const auto& [path, inode] : s.names) inode->lost = true;
  s.names = s.durable = std::move(fresh);
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
  return std::unique_ptr<File>(std::make_unique<SimulatedFile>(state_, std::move(inode), mode));
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
  const std::uint64_t used = state_->used();
  usage.free = usage.available = state_->capacity > used ? state_->capacity - used : 0;
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
  return state_->names.erase(path) ? Status() : missing(path);
}

Status SimulatedFiles::make_directories(const std::string& path) {
  if (Status s = state_->enter(); !s.ok()) return s;
  for (std::string at = path; at != "/" && at != "."; at = parent_of(at))
    state_->directories.insert(at);
  return {};
}

Status SimulatedFiles::sync_directory(const std::string& path) {
  if (Status s = state_->enter(); !s.ok()) return s;
  std::erase_if(state_->durable, [&](const auto& e) {
    return parent_of(e.first) == path && !state_->names.contains(e.first);
  });
  for (const auto& [name, inode] : state_->names)
    if (parent_of(name) == path) state_->durable[name] = inode;
  return {};
}

}  // namespace collector::testing
