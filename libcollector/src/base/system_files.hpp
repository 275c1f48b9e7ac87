// Files and randomness of this machine.
#pragma once

#include <collector/engine/seams.hpp>

namespace collector::base {

/// POSIX files. Stateless; any thread.
class SystemFiles final : public Files {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  Result<std::string> read(const std::string& path, std::size_t limit) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<std::string> read_link(const std::string& path) override;
  Result<FileSystemUsage> usage(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_directories(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::shared_ptr<void>> lock(const std::string& path) override;
};

/// getrandom(2) seeds it; SplitMix64 expands it. One thread.
class SystemRandom final : public Random {
 public:
  SystemRandom();
  std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

/// The status of a failed system call: `open /etc/x: No such file or directory`.
Status errno_status(int error, std::string_view doing);

}  // namespace collector::base
