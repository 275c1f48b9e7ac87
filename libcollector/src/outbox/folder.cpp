#include "outbox/folder.hpp"

#include <algorithm>
#include <charconv>

namespace collector::outbox {
namespace {

/// The numbers that are folders below `root`, in order.
std::vector<unsigned> numbers(Files& files, const std::string& root) {
  std::vector<unsigned> out;
  const auto entries = files.list(root);
  if (!entries) return out;
  for (const DirectoryEntry& e : *entries) {
    unsigned n = 0;
    const char* end = e.name.data() + e.name.size();
    const auto parsed = std::from_chars(e.name.data(), end, n);
    if (parsed.ec == std::errc() && parsed.ptr == end) out.push_back(n);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

Result<Folder> Folder::claim(Files& files, const std::string& root) {
  unsigned next = 0;
  for (const unsigned n : numbers(files, root)) {
    const std::string path = root + "/" + std::to_string(n);
    if (auto lock = files.lock(path + "/lock")) return Folder(path, std::move(*lock));
    next = n + 1;
  }
  // Another process may make the same one at this moment: then its successor is ours.
  constexpr unsigned kTries = 100;
  Status problem;
  for (const unsigned last = next + kTries; next < last; ++next) {
    const std::string path = root + "/" + std::to_string(next);
    if (Status s = files.make_directories(path); !s.ok()) return s;
    auto lock = files.lock(path + "/lock");
    if (lock) return Folder(path, std::move(*lock));
    problem = lock.error();
    if (problem.code() != Code::failed_precondition) break;
  }
  return problem;
}

std::vector<Folder> Folder::abandoned(Files& files, const std::string& root) {
  std::vector<Folder> out;
  for (const unsigned n : numbers(files, root)) {
    const std::string path = root + "/" + std::to_string(n);
    if (auto lock = files.lock(path + "/lock")) out.push_back(Folder(path, std::move(*lock)));
  }
  return out;
}

}  // namespace collector::outbox
