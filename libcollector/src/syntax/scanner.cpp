#include "syntax/scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace collector::syntax {
namespace {

bool is_letter(int c) {
  // Beyond ASCII any character counts: which of them are letters is Unicode's table, not the
  // language's.
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}
bool is_decimal(int c) { return c >= '0' && c <= '9'; }

/// Length of the UTF-8 sequence at the start of `text`, 0 when it is malformed (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  std::size_t n = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) n = 2;
  if (first >= 0xe0 && first <= 0xef) n = 3;
  if (first >= 0xf0 && first <= 0xf4) n = 4;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (n == 0 || text.size() < n || at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < n; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  return n;
}

}  // namespace

std::string_view to_string(Token token) {
  constexpr std::string_view kNames[] = {"an illegal character",
                                         "end of file",
                                         "a comment",
                                         "identifier",
                                         "number",
                                         "number",
                                         "string",
                                         "bool",
                                         "null",
                                         "||",
                                         "&&",
                                         "!",
                                         "=",
                                         "==",
                                         "!=",
                                         "<",
                                         "<=",
                                         ">",
                                         ">=",
                                         "+",
                                         "-",
                                         "*",
                                         "/",
                                         "%",
                                         "^",
                                         "{",
                                         "}",
                                         "(",
                                         ")",
                                         "[",
                                         "]",
                                         ",",
                                         ".",
                                         "end of line"};
  return kNames[static_cast<std::size_t>(token)];
}

bool is_identifier(std::string_view text) {
  if (text.empty() || is_decimal(text[0])) return false;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = utf8_length(text.substr(i));
    const auto c = static_cast<unsigned char>(text[i]);
    if (n == 0 || !(is_letter(c) || is_decimal(c))) return false;
    i += n;
  }
  return text != "true" && text != "false" && text != "null";
}

Scanner::Scanner(std::string_view source, const std::string& file, Diagnostics& diagnostics)
    : source_(source), file_(file), diagnostics_(diagnostics) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < source.size(); ++i)
    if (source[i] == '\n') line_starts_.push_back(static_cast<int>(i + 1));
  if (source_.substr(0, 3) == "\xef\xbb\xbf") at_ = 3;  // a byte order mark is allowed at the start
}

Position Scanner::position(int offset) const {
  const auto it = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const int line = static_cast<int>(it - line_starts_.begin());
  return {line, offset - *(it - 1) + 1, offset};
}

int Scanner::peek(std::size_t ahead) const {
  return at_ + ahead < source_.size() ? static_cast<unsigned char>(source_[at_ + ahead]) : -1;
}

void Scanner::error(std::size_t offset, std::string message) {
  const Position p = position(static_cast<int>(offset));
  diagnostics_.error(file_, {p, p}, std::move(message));
}

Lexeme Scanner::make(Token token, std::size_t start) {
  return {token, static_cast<int>(start), source_.substr(start, at_ - start)};
}

void Scanner::skip_space() {
  while (at_ < source_.size()) {
    const char c = source_[at_];
    if (c != ' ' && c != '\t' && c != '\r' && !(c == '\n' && !terminate_)) return;
    ++at_;
  }
}

/// From the slash of a comment: whether a newline or the end comes before anything else but
/// comments.
bool Scanner::comment_ends_line() const {
  std::size_t i = at_;
  while (i + 1 < source_.size() && source_[i] == '/' &&
         (source_[i + 1] == '/' || source_[i + 1] == '*')) {
    if (source_[i + 1] == '/') return true;
    const std::size_t close = source_.find("*/", i + 2);
    const std::string_view inside = source_.substr(i, close - i);
    if (close == std::string_view::npos || inside.find('\n') != std::string_view::npos) return true;
    i = close + 2;
    while (i < source_.size() && (source_[i] == ' ' || source_[i] == '\t' || source_[i] == '\r'))
      ++i;
    if (i >= source_.size() || source_[i] == '\n') return true;
  }
  return false;
}

void Scanner::scan_comment() {
  const std::size_t start = at_;
  if (source_[at_ + 1] == '/') {
    at_ = std::min(source_.find('\n', at_), source_.size());
    if (at_ > start && source_[at_ - 1] == '\r') --at_;
    return;
  }
  const std::size_t close = source_.find("*/", at_ + 2);
  if (close == std::string_view::npos) {
    at_ = source_.size();
    return error(start, "this block comment is not closed");
  }
  at_ = close + 2;
}

void Scanner::scan_escape() {
  const std::size_t start = at_;
  std::size_t digits = 0;
  unsigned base = 16;
  unsigned limit = 0x10ffff;
  switch (peek()) {
    case 'a':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
    case 'v':
    case '\\':
    case '"':
      ++at_;
      return;
    case 'x':
      digits = 2;
      limit = 255;
      ++at_;
      break;
    case 'u':
      digits = 4;
      ++at_;
      break;
    case 'U':
      digits = 8;
      ++at_;
      break;
    default:
      if (peek() >= '0' && peek() <= '7') {
        digits = 3;
        base = 8;
        limit = 255;
        break;
      }
      return error(start, at_ >= source_.size() ? "this escape sequence is not finished"
                                                : "there is no such escape sequence");
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < digits; ++i, ++at_) {
    const int c = peek();
    const unsigned digit = is_decimal(c) ? static_cast<unsigned>(c - '0')
                           : (c | 32) >= 'a' && (c | 32) <= 'f' && c > 0
                               ? static_cast<unsigned>((c | 32) - 'a' + 10)
                               : 99U;
    if (digit >= base)
      return error(c < 0 ? at_ : start, c < 0
                                            ? "this escape sequence is not finished"
                                            : "this character has no place in an escape sequence");
    value = value * base + digit;
  }
  if (value > limit || (limit > 255 && value >= 0xd800 && value < 0xe000))
    error(start, "this escape sequence is no Unicode character");
}

void Scanner::scan_string(char until, bool escapes, bool multiline) {
  const std::size_t start = at_++;
  for (;;) {
    if (at_ >= source_.size() || (!multiline && source_[at_] == '\n'))
      return error(start, "this string is not closed");
    const char c = source_[at_];
    if (c == '\0') error(at_, "a NUL character has no place here");
    const std::size_t n = utf8_length(source_.substr(at_));
    if (n == 0) error(at_, "this is not UTF-8");
    at_ += std::max<std::size_t>(n, 1);
    if (c == until) return;
    if (escapes && c == '\\') scan_escape();
  }
}

Token Scanner::scan_number() {
  const std::size_t start = at_;
  Token token = Token::number;
  while (is_decimal(peek())) ++at_;
  if (peek() == '.') {
    token = Token::floating;
    ++at_;
    while (is_decimal(peek())) ++at_;
  }
  if (peek() == 'e' || peek() == 'E') {
    token = Token::floating;
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (!is_decimal(peek())) error(start, "this exponent has no digits");
    while (is_decimal(peek())) ++at_;
  }
  return token;
}

Token Scanner::scan_identifier(std::size_t start) {
  while (at_ < source_.size() && (is_letter(peek()) || is_decimal(peek()))) {
    const std::size_t n = utf8_length(source_.substr(at_));
    if (n == 0) error(at_, "this is not UTF-8");
    at_ += std::max<std::size_t>(n, 1);
  }
  const std::string_view name = source_.substr(start, at_ - start);
  if (name == "true" || name == "false") return Token::boolean;
  return name == "null" ? Token::null : Token::identifier;
}

Lexeme Scanner::next() {
  for (;;) {
    skip_space();
    const std::size_t start = at_;
    if (at_ >= source_.size()) {
      if (std::exchange(terminate_, false)) return make(Token::terminator, start);
      return make(Token::end, start);
    }
    const int c = peek();
    if (is_letter(c)) {
      const Token token = scan_identifier(start);
      terminate_ = true;
      return make(token, start);
    }
    if (is_decimal(c) || (c == '.' && is_decimal(peek(1)))) {
      const Token token = scan_number();
      terminate_ = true;
      return make(token, start);
    }
    if (c == '/' && (peek(1) == '/' || peek(1) == '*')) {
      if (terminate_ && comment_ends_line()) {
        terminate_ = false;
        return make(Token::terminator, start);
      }
      scan_comment();
      return make(Token::comment, start);
    }
    if (c == '"' || c == '`' || c == '\'') {
      if (c == '\'') error(start, "strings stand in double quotes");
      scan_string(static_cast<char>(c), c != '`', c == '`');
      terminate_ = true;
      return make(c == '\'' ? Token::illegal : Token::string, start);
    }
    ++at_;
    const auto pair = [&](char second, Token both, Token one) {
      if (peek() != second) return one;
      ++at_;
      return both;
    };
    const bool ended = std::exchange(terminate_, c == '}' || c == ')' || c == ']');
    switch (c) {
      case '\n':
        return make(Token::terminator, start);
      case '|':
      case '&':
        if (peek() != c)
          error(at_, fmt::format("the second {0} of {0}{0} is missing", static_cast<char>(c)));
        else
          ++at_;
        return make(c == '|' ? Token::logical_or : Token::logical_and, start);
      case '!':
        return make(pair('=', Token::not_equal, Token::logical_not), start);
      case '=':
        return make(pair('=', Token::equal, Token::assign), start);
      case '<':
        return make(pair('=', Token::less_equal, Token::less), start);
      case '>':
        return make(pair('=', Token::greater_equal, Token::greater), start);
      case '+':
        return make(Token::add, start);
      case '-':
        return make(Token::subtract, start);
      case '*':
        return make(Token::multiply, start);
      case '/':
        return make(Token::divide, start);
      case '%':
        return make(Token::modulo, start);
      case '^':
        return make(Token::power, start);
      case '{':
        return make(Token::left_curly, start);
      case '}':
        return make(Token::right_curly, start);
      case '(':
        return make(Token::left_paren, start);
      case ')':
        return make(Token::right_paren, start);
      case '[':
        return make(Token::left_bracket, start);
      case ']':
        return make(Token::right_bracket, start);
      case ',':
        return make(Token::comma, start);
      case '.':
        return make(Token::dot, start);
      default:
        error(start, c == 0 ? "a NUL character has no place here"
                            : fmt::format("the character {} has no place here",
                                          c > ' ' ? std::string(1, static_cast<char>(c))
                                                  : fmt::format("U+{:04X}", c)));
        terminate_ = ended;
        return make(Token::illegal, start);
    }
  }
}

}  // namespace collector::syntax
