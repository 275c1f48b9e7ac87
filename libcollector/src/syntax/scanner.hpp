// Text -> tokens (Alloy's lexical grammar). Pure.
#pragma once

#include "syntax/diagnostics.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector::syntax {

enum class Token {
  illegal,
  end,
  comment,
  identifier,
  number,
  floating,
  string,
  boolean,
  null,
  logical_or,
  logical_and,
  logical_not,
  assign,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  add,
  subtract,
  multiply,
  divide,
  modulo,
  power,
  left_curly,
  right_curly,
  left_paren,
  right_paren,
  left_bracket,
  right_bracket,
  comma,
  dot,
  terminator,
};
/// As messages name it: `{`, `identifier`, `end of file`.
std::string_view to_string(Token token);

struct Lexeme {
  Token token = Token::end;
  int offset = 0;
  std::string_view text;  ///< into the source; for a terminator the newline or nothing
};

class Scanner {
 public:
  Scanner(std::string_view source, const std::string& file, Diagnostics& diagnostics);
  Lexeme next();
  Position position(int offset) const;

 private:
  /// Byte at the cursor; -1 at the end.
  int peek(std::size_t ahead = 0) const;
  Lexeme scan();
  void report_bad(std::size_t offset);
  void error(std::size_t offset, std::string message);
  Lexeme make(Token token, std::size_t start);
  void skip_space();
  bool comment_ends_line();
  void scan_comment();
  void scan_string(std::size_t start, char until, bool escapes, bool multiline);
  void scan_escape();
  Token scan_number();
  Token scan_identifier(std::size_t start);

  std::string_view source_;
  const std::string& file_;
  Diagnostics& diagnostics_;
  std::vector<int> line_starts_;
  std::vector<std::pair<std::size_t, std::string_view>>
      bad_;  ///< characters that may stand nowhere
  std::size_t next_bad_ = 0;
  std::size_t at_ = 0;
  bool terminate_ = false;  ///< a newline here ends a statement
};

/// A letter or underscore, then letters, digits and underscores, of any script.
bool is_identifier(std::string_view text);

}  // namespace collector::syntax
