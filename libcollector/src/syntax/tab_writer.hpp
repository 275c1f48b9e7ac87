// Elastic tabstops as Go's text/tabwriter lays them out (padding 1, tab width 8, leading empty
// cells as tabs, empty columns dropped). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace collector::syntax {

/// Cells end at \t (hard) or \v (soft), lines at \n or \f; \f also ends the columns above it.
class TabWriter {
 public:
  void text(std::string_view text);     ///< control characters act
  void literal(std::string_view text);  ///< control characters are text
  /// The laid out text; trailing blanks of lines are gone.
  std::string finish();

 private:
  struct Cell {
    std::string text;
    std::size_t width = 0;    ///< in code points
    bool hard = false;        ///< ended by \t
    std::size_t literal = 0;  ///< bytes of the text that stay as they are, blanks at the end too
  };
  using Line = std::vector<Cell>;
  void put(char c);
  void end_cell(bool hard);
  void end_line(bool flush);
  void flush();
  void layout(std::size_t from, std::size_t to, std::vector<std::size_t>& widths);
  void write_lines(std::size_t from, std::size_t to, const std::vector<std::size_t>& widths);

  std::vector<Line> lines_{Line{}};
  Cell cell_;
  std::string out_;
};

}  // namespace collector::syntax
