#include "syntax/tab_writer.hpp"

#include <algorithm>

namespace collector::syntax {
namespace {
constexpr std::size_t kPadding = 1;
constexpr std::size_t kTabWidth = 8;
}  // namespace

void TabWriter::put(char c) {
  cell_.text += c;
  if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++cell_.width;
}

void TabWriter::text(std::string_view text) {
  for (const char c : text) {
    if (c == '\t' || c == '\v')
      end_cell(c == '\t');
    else if (c == '\n' || c == '\f')
      end_line(c == '\f');
    else
      put(c);
  }
}

void TabWriter::literal(std::string_view text) {
  for (const char c : text) put(c);
  cell_.literal = cell_.text.size();
}

void TabWriter::end_cell(bool hard) {
  cell_.hard = hard;
  lines_.back().push_back(std::move(cell_));
  cell_ = Cell{};
}

void TabWriter::end_line(bool flush_columns) {
  end_cell(false);
  // A line of one cell takes part in no column, so what is above it is final.
  const bool alone = lines_.back().size() == 1;
  lines_.emplace_back();
  if (flush_columns || alone) flush();
}

void TabWriter::flush() {
  std::vector<std::size_t> widths;
  layout(0, lines_.size() - 1, widths);
  lines_.assign(1, Line{});
}

/// Lines [from, to), of which the columns before widths.size() are known. A run of lines that have
/// a further column gets its width first and is laid out within it.
void TabWriter::layout(std::size_t from, std::size_t to, std::vector<std::size_t>& widths) {
  const std::size_t column = widths.size();
  for (std::size_t at = from; at < to;) {
    if (column + 1 >= lines_[at].size()) {
      ++at;
      continue;
    }
    write_lines(from, at, widths);
    from = at;
    std::size_t width = 0;
    bool discard = true;
    for (; at < to && column + 1 < lines_[at].size(); ++at) {
      const Cell& cell = lines_[at][column];
      width = std::max(width, cell.width + kPadding);
      if (cell.width > 0 || cell.hard) discard = false;
    }
    widths.push_back(discard ? 0 : width);
    layout(from, at, widths);
    widths.pop_back();
    from = at;
  }
  write_lines(from, to, widths);
}

void TabWriter::write_lines(std::size_t from, std::size_t to,
                            const std::vector<std::size_t>& widths) {
  for (std::size_t n = from; n < to; ++n) {
    bool leading = true;
    std::size_t untouched = 0;
    for (std::size_t i = 0; i < lines_[n].size(); ++i) {
      const Cell& cell = lines_[n][i];
      if (!cell.text.empty()) leading = false;
      if (cell.literal > 0) untouched = out_.size() + cell.literal;
      out_ += cell.text;
      if (i >= widths.size() || widths[i] == 0) continue;
      if (leading)
        out_.append((widths[i] + kTabWidth - 1) / kTabWidth, '\t');
      else
        out_.append(widths[i] - cell.width, ' ');
    }
    while (out_.size() > untouched && (out_.back() == ' ' || out_.back() == '\t')) out_.pop_back();
    out_ += '\n';
  }
}

std::string TabWriter::finish() {
  if (!cell_.text.empty() || !lines_.back().empty()) {
    end_cell(false);
    lines_.emplace_back();
    flush();
    out_.pop_back();  // the last line had no end of its own
  } else {
    flush();
  }
  return std::move(out_);
}

}  // namespace collector::syntax
