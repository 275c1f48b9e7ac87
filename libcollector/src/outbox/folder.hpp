// Where the logs of one component are: a folder for each process that ever ran it, numbered, locked
// while its process lives. What a dead process left is found by the next one. One thread.
#pragma once

#include <collector/engine/seams.hpp>

#include <memory>
#include <string>
#include <vector>

namespace collector::outbox {

/// ROOT/N, ours until this dies.
class Folder {
 public:
  /// The first folder below `root` that no living process has; one is made when there is none.
  static Result<Folder> claim(Files& files, const std::string& root);
  /// All others that no living process has.
  static std::vector<Folder> abandoned(Files& files, const std::string& root);

  const std::string& path() const { return path_; }

 private:
  Folder(std::string path, std::shared_ptr<void> lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  std::shared_ptr<void> lock_;
};

}  // namespace collector::outbox
