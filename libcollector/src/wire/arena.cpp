#include "wire/arena.hpp"

#include <algorithm>

namespace collector::wire {
namespace {

constexpr std::size_t kFirstBlock = 4U << 10;
constexpr std::size_t kLargestBlock = 256U << 10;

}  // namespace

void* Arena::take_elsewhere(std::size_t size) {
  if (size > limit_ - used_) return nullptr;
  std::size_t next = blocks_.empty() ? 0 : block_ + 1;
  while (next < blocks_.size() && blocks_[next].size < size) ++next;
  if (next == blocks_.size()) {
    const std::size_t block = std::max(size, std::clamp(held_, kFirstBlock, kLargestBlock));
    blocks_.push_back({std::unique_ptr<char[]>(new char[block]), block});
    held_ += block;
  }
  block_ = next;
  used_ += size;
  char* const taken = blocks_[next].bytes.get();
  at_ = taken + size;
  end_ = taken + blocks_[next].size;
  return taken;
}

}  // namespace collector::wire
