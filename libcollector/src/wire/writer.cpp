#include "wire/writer.hpp"

#include <algorithm>

namespace collector::wire {

char* Writer::grow(char* p, std::size_t n) {
  const std::size_t written = size(p);
  const std::size_t capacity =
      std::max({written + n, 2 * size(begin_.get()), std::size_t{4} << 10});
  std::unique_ptr<char[]> larger(new char[capacity]);
  char* const end = larger.get() + capacity;
  if (written) std::memcpy(end - written, p, written);
  begin_ = std::move(larger);
  end_ = end;
  return end - written;
}

}  // namespace collector::wire
