#include "syntax/scanner.hpp"

#include "syntax/unicode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace collector::syntax {
namespace {

bool is_decimal(int c) { return c >= '0' && c <= '9'; }
bool starts_identifier(char32_t c) { return c == '_' || is_letter(c); }

constexpr char32_t kByteOrderMark = 0xfeff;

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
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = first_character(text.substr(i));
    if (!c.valid || !(starts_identifier(c.code) || (i > 0 && is_digit(c.code)))) return false;
    i += c.size;
  }
  return text != "true" && text != "false" && text != "null";
}

Scanner::Scanner(std::string_view source, const std::string& file, Diagnostics& diagnostics)
    : source_(source), file_(file), diagnostics_(diagnostics) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < source.size();) {
    const Character c = first_character(source.substr(i));
    if (c.code == '\n') line_starts_.push_back(static_cast<int>(i + 1));
    if (c.code == kByteOrderMark && i == 0) at_ = c.size;
    if (c.code == 0)
      bad_.push_back({i, "a NUL character has no place here"});
    else if (!c.valid)
      bad_.push_back({i, "this is not UTF-8"});
    else if (c.code == kByteOrderMark && i > 0)
      bad_.push_back({i, "a byte order mark has its place at the start of a file only"});
    i += c.size;
  }
}

Position Scanner::position(int offset) const {
  const auto it = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const int line = static_cast<int>(it - line_starts_.begin());
  return {line, offset - *(it - 1) + 1, offset};
}

int Scanner::peek(std::size_t ahead) const {
  return at_ + ahead < source_.size() ? static_cast<unsigned char>(source_[at_ + ahead]) : -1;
}

/// Complains about the characters up to `offset` that have no place anywhere.
void Scanner::report_bad(std::size_t offset) {
  for (; next_bad_ < bad_.size() && bad_[next_bad_].first <= offset; ++next_bad_) {
    const Position p = position(static_cast<int>(bad_[next_bad_].first));
    diagnostics_.error(file_, {p, p}, std::string(bad_[next_bad_].second));
  }
}

void Scanner::error(std::size_t offset, std::string message) {
  report_bad(at_);
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
bool Scanner::comment_ends_line() {
  std::size_t i = at_;
  while (i + 1 < source_.size() && source_[i] == '/' &&
         (source_[i + 1] == '/' || source_[i + 1] == '*')) {
    if (source_[i + 1] == '/') return true;
    const std::size_t close = source_.find("*/", i + 2);
    const std::size_t line = std::min(source_.find('\n', i), source_.size());
    report_bad(std::min(line, close));
    if (line < close || close == std::string_view::npos) return true;
    i = close + 2;
    while (i < source_.size() && (source_[i] == ' ' || source_[i] == '\t' || source_[i] == '\r'))
      ++i;
    report_bad(i);
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
      return error(start, c < 0 ? "this escape sequence is not finished"
                                : "this character has no place in an escape sequence");
    value = value * base + digit;
  }
  if (value > limit || (limit > 255 && value >= 0xd800 && value < 0xe000))
    error(start, "this escape sequence is no Unicode character");
}

void Scanner::scan_string(std::size_t start, char until, bool escapes, bool multiline) {
  for (;;) {
    if (at_ >= source_.size() || (!multiline && source_[at_] == '\n'))
      return error(start, "this string is not closed");
    const char c = source_[at_++];
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
  while (at_ < source_.size()) {
    const Character c = first_character(source_.substr(at_));
    if (!starts_identifier(c.code) && !is_digit(c.code)) break;
    at_ += c.size;
  }
  const std::string_view name = source_.substr(start, at_ - start);
  if (name == "true" || name == "false") return Token::boolean;
  return name == "null" ? Token::null : Token::identifier;
}

Lexeme Scanner::next() {
  const Lexeme lexeme = scan();
  report_bad(at_);
  return lexeme;
}

Lexeme Scanner::scan() {
  for (;;) {
    skip_space();
    const std::size_t start = at_;
    if (at_ >= source_.size()) {
      if (std::exchange(terminate_, false)) return make(Token::terminator, start);
      return make(Token::end, start);
    }
    const int c = peek();
    const Character character = first_character(source_.substr(at_));
    if (starts_identifier(character.code)) {
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
      ++at_;
      if (c == '\'') error(start, "strings stand in double quotes");
      scan_string(start, static_cast<char>(c), c != '`', c == '`');
      terminate_ = true;
      return make(c == '\'' ? Token::illegal : Token::string, start);
    }
    at_ += character.size;
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
        report_bad(at_);
        if (character.valid && character.code != 0 && character.code != kByteOrderMark)
          error(start, is_printable(character.code)
                           ? fmt::format("the character {} has no place here",
                                         source_.substr(start, character.size))
                           : fmt::format("the character U+{:04X} has no place here",
                                         static_cast<std::uint32_t>(character.code)));
        terminate_ = ended;
        return make(Token::illegal, start);
    }
  }
}

}  // namespace collector::syntax
