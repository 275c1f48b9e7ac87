#include "base/system_files.hpp"

#include <fmt/format.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace collector::base {
namespace {

Code code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Code::not_found;
    case EACCES:
    case EPERM:
      return Code::permission_denied;
    case EEXIST:
      return Code::already_exists;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return Code::resource_exhausted;
    case ECONNREFUSED:
    case ECONNRESET:
    case EAGAIN:
    case EIO:
      return Code::unavailable;
    default:
      return Code::unknown;
  }
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

FileInfo::Kind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileInfo::Kind::regular;
  if (S_ISDIR(mode)) return FileInfo::Kind::directory;
  if (S_ISLNK(mode)) return FileInfo::Kind::symlink;
  return FileInfo::Kind::other;
}

FileInfo info_of(const struct stat& s) {
  FileInfo info;
  info.kind = kind_of(s.st_mode);
  info.size = static_cast<std::uint64_t>(s.st_size);
  info.mode = s.st_mode & 07777;
  info.inode = s.st_ino;
  info.device = s.st_dev;
  info.modified.unix_ns = s.st_mtim.tv_sec * 1'000'000'000 + s.st_mtim.tv_nsec;
  return info;
}

class SystemFile final : public File {
 public:
  SystemFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    for (;;) {
      const ssize_t n = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) return errno_status(errno, "read " + path_);
    }
  }
  Status append(std::span<const std::byte> bytes) override {
    return write_all(bytes, [this](std::span<const std::byte> rest) {
      return ::write(fd_.get(), rest.data(), rest.size());
    });
  }
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    const std::byte* begin = bytes.data();
    return write_all(bytes, [&](std::span<const std::byte> rest) {
      const auto at = offset + static_cast<std::uint64_t>(rest.data() - begin);
      return ::pwrite(fd_.get(), rest.data(), rest.size(), static_cast<off_t>(at));
    });
  }
  Status truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
      return errno_status(errno, "truncate " + path_);
    return {};
  }
  Status reserve(std::uint64_t size) override {
    if (::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0 &&
        errno != EOPNOTSUPP)
      return errno_status(errno, "reserve " + path_);
    return {};
  }
  Status sync() override {
    if (::fdatasync(fd_.get()) != 0) return errno_status(errno, "sync " + path_);
    return {};
  }
  Result<FileInfo> info() override {
    struct stat s{};
    if (::fstat(fd_.get(), &s) != 0) return errno_status(errno, "stat " + path_);
    return info_of(s);
  }

 private:
  template <class Write>
  Status write_all(std::span<const std::byte> bytes, Write write) {
    while (!bytes.empty()) {
      const ssize_t n = write(bytes);
      if (n < 0) {
        if (errno == EINTR) continue;
        return errno_status(errno, "write " + path_);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }

  Descriptor fd_;
  std::string path_;
};

}  // namespace

Status errno_status(int error, std::string_view doing) {
  char text[128];
  return Status(code_of(error),
                fmt::format("{}: {}", doing, ::strerror_r(error, text, sizeof text)));
}

Result<std::unique_ptr<File>> SystemFiles::open(const std::string& path, Mode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case Mode::read:
      flags |= O_RDONLY;
      break;
    case Mode::append:
      flags |= O_RDWR | O_CREAT | O_APPEND;
      break;
    case Mode::modify:
      flags |= O_RDWR | O_CREAT;
      break;
    case Mode::create_new:
      flags |= O_RDWR | O_CREAT | O_EXCL | O_APPEND;
      break;
  }
  const int fd = ::open(path.c_str(), flags, 0640);
  if (fd < 0) return errno_status(errno, "open " + path);
  return std::unique_ptr<File>(std::make_unique<SystemFile>(fd, path));
}

Result<std::string> SystemFiles::read(const std::string& path, std::size_t limit) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return errno_status(errno, "open " + path);
  std::string text;
  std::size_t size = 0;
  for (;;) {
    if (size == text.size()) text.resize(std::max<std::size_t>(4096, size * 2));
    const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno_status(errno, "read " + path);
    }
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
    if (size > limit)
      return Status(Code::out_of_range, fmt::format("{} is longer than {} bytes", path, limit));
  }
  text.resize(size);
  return text;
}

Result<std::vector<DirectoryEntry>> SystemFiles::list(const std::string& directory) {
  DIR* dir = ::opendir(directory.c_str());
  if (!dir) return errno_status(errno, "list " + directory);
  std::vector<DirectoryEntry> entries;
  errno = 0;
  while (const dirent* e = ::readdir(dir)) {
    const std::string_view name = e->d_name;
    if (name == "." || name == "..") continue;
    FileInfo::Kind kind = FileInfo::Kind::other;
    if (e->d_type == DT_REG) kind = FileInfo::Kind::regular;
    if (e->d_type == DT_DIR) kind = FileInfo::Kind::directory;
    if (e->d_type == DT_LNK) kind = FileInfo::Kind::symlink;
    entries.push_back({std::string(name), kind});
  }
  const int error = errno;
  ::closedir(dir);
  if (error != 0) return errno_status(error, "list " + directory);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<FileInfo> SystemFiles::info(const std::string& path) {
  struct stat s{};
  if (::stat(path.c_str(), &s) != 0) return errno_status(errno, "stat " + path);
  return info_of(s);
}

Result<std::string> SystemFiles::read_link(const std::string& path) {
  char text[4096];
  const ssize_t n = ::readlink(path.c_str(), text, sizeof text);
  if (n < 0) return errno_status(errno, "read link " + path);
  return std::string(text, static_cast<std::size_t>(n));
}

Result<FileSystemUsage> SystemFiles::usage(const std::string& path) {
  struct statvfs s{};
  if (::statvfs(path.c_str(), &s) != 0) return errno_status(errno, "statfs " + path);
  FileSystemUsage u;
  const std::uint64_t unit = s.f_frsize ? s.f_frsize : s.f_bsize;
  u.size = s.f_blocks * unit;
  u.free = s.f_bfree * unit;
  u.available = s.f_bavail * unit;
  u.files = s.f_files;
  u.files_free = s.f_ffree;
  u.read_only = (s.f_flag & ST_RDONLY) != 0;
  return u;
}

Status SystemFiles::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return errno_status(errno, fmt::format("rename {} to {}", from, to));
  return {};
}

Status SystemFiles::remove(const std::string& path) {
  if (::remove(path.c_str()) != 0) return errno_status(errno, "remove " + path);
  return {};
}

Status SystemFiles::make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    if (::mkdir(prefix.c_str(), 0750) != 0 && errno != EEXIST)
      return errno_status(errno, "make directory " + prefix);
    if (end == std::string::npos) return {};
  }
}

Status SystemFiles::sync_directory(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return errno_status(errno, "open " + path);
  if (::fsync(fd.get()) != 0) return errno_status(errno, "sync " + path);
  return {};
}

Result<std::shared_ptr<void>> SystemFiles::lock(const std::string& path) {
  auto fd = std::make_shared<Descriptor>(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (fd->get() < 0) return errno_status(errno, "open " + path);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd->get(), F_OFD_SETLK, &whole) == 0) return std::shared_ptr<void>(std::move(fd));
  if (errno == EAGAIN || errno == EACCES)
    return Status(Code::failed_precondition, path + " is locked by another process");
  return errno_status(errno, "lock " + path);
}

SystemRandom::SystemRandom() {
  std::size_t have = 0;
  while (have < sizeof state_) {
    const ssize_t n = ::getrandom(reinterpret_cast<char*>(&state_) + have, sizeof state_ - have, 0);
    if (n > 0) have += static_cast<std::size_t>(n);
  }
}

std::uint64_t SystemRandom::next() {
  // SplitMix64 (Steele, Lea, Flood 2014).
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

}  // namespace collector::base
