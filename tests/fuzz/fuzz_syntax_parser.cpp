// Parse anything; what parses is formatted, parses again, and is formatted to the same text.
#include "syntax/formatter.hpp"
#include "syntax/parser.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace collector;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1U << 16) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  syntax::Diagnostics found;
  const auto file = syntax::parse_file("input", text, found);
  if (!file) std::abort();
  for (const auto& d : found.list()) (void)syntax::to_drawing(d, text);
  if (found.has_errors()) return 0;
  const std::string once = syntax::format(*file);
  syntax::Diagnostics again;
  const auto second = syntax::parse_file("input", once, again);
  if (again.has_errors() || syntax::format(*second) != once) std::abort();
  return 0;
}
