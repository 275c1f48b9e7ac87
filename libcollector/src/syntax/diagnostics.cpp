#include "syntax/diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <tuple>
#include <utility>

namespace collector::syntax {
namespace {

std::vector<std::string_view> lines_of(std::string_view source) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at <= source.size();) {
    const std::size_t end = std::min(source.find('\n', at), source.size());
    std::string_view line = source.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

/// Edits of one letter, and swaps of two neighbours, that lead from `a` to `b` (optimal string
/// alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t k = 1; k <= b.size(); ++k) {
      row[k] =
          std::min({last[k] + 1, row[k - 1] + 1, last[k - 1] + (a[i - 1] == b[k - 1] ? 0 : 1)});
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
        row[k] = std::min(row[k], before[k - 2] + 1);
    }
    before = std::exchange(last, row);
  }
  return last[b.size()];
}

}  // namespace

void Diagnostics::append(Diagnostics other) {
  list_.insert(list_.end(), std::make_move_iterator(other.list_.begin()),
               std::make_move_iterator(other.list_.end()));
  sources_.merge(other.sources_);
}

std::string_view Diagnostics::source_of(const std::string& file) const {
  const auto it = sources_.find(file);
  return it == sources_.end() ? std::string_view() : std::string_view(*it->second);
}

bool Diagnostics::has_errors() const {
  return std::any_of(list_.begin(), list_.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::error; });
}

void Diagnostics::sort() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.span.start.line, a.span.start.column) <
           std::tie(b.file, b.span.start.line, b.span.start.column);
  });
  list_.erase(std::unique(list_.begin(), list_.end()), list_.end());
}

std::string to_line(const Diagnostic& d) {
  const std::string mark = d.severity == Severity::warning ? "warning: " : "";
  if (!d.span.start.valid())
    return d.file.empty() ? mark + d.message : fmt::format("{}: {}{}", d.file, mark, d.message);
  return fmt::format("{}:{}:{}: {}{}", d.file, d.span.start.line, d.span.start.column, mark,
                     d.message);
}

std::string to_drawing(const Diagnostic& d, std::string_view source) {
  constexpr int kBefore = 1;
  constexpr int kMostLines = 8;
  std::string out = to_line(d) + "\n";
  const auto lines = lines_of(source);
  const Position start = d.span.start;
  Position end = d.span.end.valid() ? d.span.end : start;
  if (source.empty() || !start.valid() || start.line > static_cast<int>(lines.size())) {
    if (!d.hint.empty()) out += "hint: " + d.hint + "\n";
    return out;
  }
  end.line = std::min(end.line, static_cast<int>(lines.size()));
  const int last = std::min(end.line, start.line + kMostLines - 1);
  const auto width = static_cast<int>(std::to_string(last).size());
  for (int n = std::max(1, start.line - kBefore); n <= last; ++n) {
    const std::string_view line = lines[static_cast<std::size_t>(n - 1)];
    out += fmt::format(" {:>{}} | {}\n", n, width, line);
    if (n < start.line) continue;
    const std::size_t from = n == start.line ? static_cast<std::size_t>(start.column - 1)
                                             : std::min(line.find_first_not_of(" \t"), line.size());
    const std::size_t to = n == end.line ? static_cast<std::size_t>(end.column) : line.size();
    // Tabs before the carets stay tabs, so that the carets stand under their text.
    std::string marks;
    for (std::size_t i = 0; i < from; ++i) marks += i < line.size() && line[i] == '\t' ? '\t' : ' ';
    marks.append(std::max<std::size_t>(to > from ? to - from : 0, 1), '^');
    out += fmt::format(" {:>{}} | {}\n", "", width, marks);
  }
  if (last < end.line) out += fmt::format(" {:>{}} | ...\n", "", width);
  if (!d.hint.empty()) out += "hint: " + d.hint + "\n";
  return out;
}

std::string to_drawings(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics.list()) {
    out += to_drawing(d, diagnostics.source_of(d.file));
    out += '\n';
  }
  return out;
}

std::string_view nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(1, std::min<std::size_t>(3, word.size() / 3)) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(word, candidate);
    if (d > 0 && d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

}  // namespace collector::syntax
