#include "syntax/formatter.hpp"

#include "syntax/operators.hpp"
#include "syntax/parser.hpp"
#include "syntax/scanner.hpp"
#include "syntax/tab_writer.hpp"
#include "syntax/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace collector::syntax {
namespace {

enum class Space { blank, align, newline, row, indent, unindent, none };

int lines_of(const Span& span) { return span.end.line - span.start.line + 1; }

Span span_of(const Statement& statement) {
  if (auto* a = std::get_if<Attribute>(&statement)) return {a->name.span.start, a->value->span.end};
  const auto& block = std::get<std::shared_ptr<const Block>>(statement);
  return {block->name_span.start, block->right_curly};
}

/// Writes tokens with the space between them, and the comments that stand before each in the
/// source.
class Printer {
 public:
  explicit Printer(const std::vector<Comment>& comments) : comments_(comments) {}

  enum class Kind { plain, string, comment };

  void space(Space s) { pending_.push_back(s); }
  void at(const Position& source) { place_ = source; }
  void token(std::string_view text, Kind kind = Kind::plain) {
    const Position here = place_;  // comments move it
    if (next_comment_ < comments_.size() &&
        comments_[next_comment_].span.start.offset <= here.offset)
      write_comments(here);
    else
      write_pending(pending_.size());
    write(here, text, kind);
  }
  void token(const Position& source, std::string_view text, Kind kind = Kind::plain) {
    at(source);
    token(text, kind);
  }

  std::string finish() {
    if (next_comment_ < comments_.size()) {
      Position end;
      end.line = end.offset = std::numeric_limits<int>::max();
      write_comments(end, true);
    }
    return writer_.finish();
  }

 private:
  void write_comments(const Position& next, bool last = false) {
    const Comment* comment = nullptr;
    for (; next_comment_ < comments_.size() &&
           comments_[next_comment_].span.start.offset <= next.offset;
         ++next_comment_) {
      comment = &comments_[next_comment_];
      before_comment(*comment, next);
      write(comment->span.start, comment->text, Kind::comment);
    }
    if (!last) after_comment(*comment, next);
  }

  void before_comment(const Comment& comment, const Position& next) {
    if (!wrote_) return;
    const int line = comment.span.start.line;
    if (line == written_.line) {
      // Beside code: in a column of its own, unless code follows on the line.
      put(line == next.line ? ' ' : '\t', 1);
      return;
    }
    // On a line of its own: changes of indentation that come first apply, other space does not.
    std::size_t applied = 0;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if (pending_[i] == Space::indent || pending_[i] == Space::unindent) continue;
      pending_[i] = Space::none;
      applied = i;
      break;
    }
    write_pending(applied);
    if (line > written_.line) put('\f', std::min(line - written_.line, 2));
  }

  void after_comment(const Comment& comment, const Position& next) {
    if (comment.text[1] == '*' && next.line == comment.span.end.line) put(' ', 1);
    const int newlines = next.line - written_.line;
    bool row = false;
    for (Space& s : pending_) {
      if (s == Space::indent || s == Space::unindent) continue;
      row = row || s == Space::row;
      s = Space::none;
    }
    write_pending(pending_.size());
    if (newlines > 0) put(row ? '\f' : '\n', std::min(newlines, 2));
  }

  void write_pending(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      switch (pending_[i]) {
        case Space::indent:
          ++indent_;
          break;
        case Space::unindent:
          --indent_;
          break;
        case Space::blank:
          put(' ', 1);
          break;
        case Space::align:
          put('\v', 1);
          break;
        case Space::newline:
          put('\n', 1);
          break;
        case Space::row:
          put('\f', 1);
          break;
        case Space::none:
          break;
      }
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(n));
  }

  void indent() {
    if (!line_start_) return;
    writer_.text(std::string(static_cast<std::size_t>(indent_), '\t'));
    place_.offset += indent_;
    line_start_ = indent_ == 0;
  }

  void put(char c, int n) {
    indent();
    writer_.text(std::string(static_cast<std::size_t>(n), c));
    wrote_ = true;
    place_.offset += n;
    const bool ends = c == '\n' || c == '\f';
    if (ends) place_.line += n;
    if (ends) in_line_comment_ = false;
    line_start_ = ends;
  }

  void write(const Position& source, std::string_view text, Kind kind) {
    if (in_line_comment_) put('\n', 1);
    indent();
    place_ = source;
    if (kind == Kind::comment) {
      in_line_comment_ = text[1] == '/';
      writer_.literal(text);
    } else if (kind == Kind::string) {
      // Its lines are lines of the layout; what stands in them is not ours to change.
      for (std::size_t at = 0, end = 0; end < text.size(); at = end + 1) {
        end = std::min(text.find('\n', at), text.size());
        if (at > 0) writer_.text("\n");
        writer_.literal(text.substr(at, end - at));
      }
    } else {
      writer_.text(text);
    }
    wrote_ = true;
    place_.offset += static_cast<int>(text.size());
    place_.line += static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    line_start_ = false;
    written_ = place_;
  }

  const std::vector<Comment>& comments_;
  std::size_t next_comment_ = 0;
  TabWriter writer_;
  std::vector<Space> pending_;
  int indent_ = 0;
  bool line_start_ = true;
  bool wrote_ = false;
  bool in_line_comment_ = false;
  Position place_{1, 1, 0};    ///< where in the source the printer is, as well as it can tell
  Position written_{1, 1, 0};  ///< the same after the last token
};

/// A field's name stands for itself between either quotes: escapes are not read in it. Double ones
/// where the name may stand in them.
std::string quoted(const std::string& name) {
  const std::string text = '"' + name + '"';
  Diagnostics found;
  const bool fits = Scanner(text, name, found).next().text.size() == text.size();
  return fits && found.empty() ? text : '`' + name + '`';
}

class Walker {
  using Kind = Printer::Kind;

 public:
  /// `exact`: every token says where it stands in the source. Otherwise those that `alloy fmt`
  /// leaves without a place stand where the printer believes to be.
  Walker(Printer& printer, bool exact) : p_(printer), exact_(exact) {}

  void body(const std::vector<Statement>& statements) {
    for (std::size_t i = 0; i < statements.size(); ++i) {
      const bool block = statements[i].index() == 1;
      const Span span = span_of(statements[i]);
      // Blocks stand apart; between others a blank line stays where there was one.
      if (i > 0 && (block || span.start.line - span_of(statements[i - 1]).end.line > 1))
        p_.space(Space::row);
      if (block)
        this->block(*std::get<1>(statements[i]));
      else
        attribute(std::get<0>(statements[i]));
      // A statement of several lines ends the run of aligned ones.
      p_.space(lines_of(span) > 1 ? Space::row : Space::newline);
    }
  }

 private:
  void token(const Position& place, std::string_view text) {
    if (exact_) p_.at(place);
    p_.token(text);
  }

  void attribute(const Attribute& a) {
    p_.token(a.name.span.start, a.name.name);
    p_.space(Space::align);
    token(a.name.span.end, "=");
    p_.space(Space::blank);
    expression(*a.value);
  }

  void block(const Block& b) {
    p_.token(b.name_span.start, b.full_name());
    if (!b.label.empty()) {
      p_.space(Space::blank);
      p_.token(b.label_span.start, to_text(Value(b.label)));
    }
    p_.space(Space::blank);
    p_.token(b.left_curly, "{");
    p_.space(Space::indent);
    if (b.body.statements.empty()) {
      p_.space(Space::blank);
    } else {
      p_.space(Space::row);
      body(b.body.statements);
    }
    p_.space(Space::unindent);
    p_.token(b.right_curly, "}");
  }

  void expression(const Expression& e) {
    std::visit([&](const auto& node) { this->print(e, node); }, e.node);
  }

  void print(const Expression& e, const Literal& literal) {
    const bool string = literal.kind == Literal::Kind::string;
    p_.token(e.span.start, literal.text, string ? Kind::string : Kind::plain);
  }
  void print(const Expression& e, const Reference& r) { p_.token(e.span.start, r.name); }
  void print(const Expression&, const Access& access) {
    expression(*access.value);
    // `1.` would be another number.
    if (std::holds_alternative<Literal>(access.value->node) &&
        std::get<Literal>(access.value->node).kind == Literal::Kind::number)
      p_.space(Space::blank);
    token(access.value->span.end, ".");
    token(access.name.span.start, access.name.name);
  }
  void print(const Expression& e, const Index& index) {
    expression(*index.value);
    p_.token(index.open, "[");
    expression(*index.index);
    p_.token(e.span.end, "]");
  }
  void print(const Expression& e, const Unary& unary) {
    p_.token(e.span.start, to_string(unary.op));
    expression(*unary.value);
  }
  void print(const Expression&, const Binary& binary) {
    expression(*binary.left);
    p_.space(Space::blank);
    p_.token(binary.op_position, to_string(binary.op));
    p_.space(Space::blank);
    expression(*binary.right);
  }
  void print(const Expression&, const Parenthesized& p) {
    p_.token("(");
    expression(*p.inner);
    p_.token(")");
  }

  void print(const Expression& e, const ArrayLiteral& array) {
    p_.token(e.span.start, "[");
    Position before = e.span.start;
    for (std::size_t i = 0; i < array.elements.size(); ++i) {
      const Expression& element = *array.elements[i];
      const bool own_line = before.line != element.span.start.line;
      if (own_line) {
        // Indented before the newline, so that comments between are too.
        p_.space(Space::indent);
        p_.space(Space::row);
      } else if (i > 0) {
        p_.space(Space::blank);
      }
      before = element.span.end;
      expression(element);
      if (i + 1 < array.elements.size()) token(element.span.end, ",");
      if (own_line) p_.space(Space::unindent);
    }
    if (!array.elements.empty() && before.line != e.span.end.line) {
      token(before, ",");
      p_.space(Space::indent);
      p_.space(Space::row);
      p_.space(Space::unindent);
    }
    p_.token(e.span.end, "]");
  }

  void print(const Expression& e, const ObjectLiteral& object) {
    p_.token(e.span.start, "{");
    p_.space(Space::indent);
    Position before = e.span.start;
    for (std::size_t i = 0; i < object.fields.size(); ++i) {
      const ObjectLiteral::Field& field = object.fields[i];
      if (before.line != field.name.span.start.line)
        p_.space(i > 0 && lines_of(object.fields[i - 1].value->span) == 1 ? Space::newline
                                                                          : Space::row);
      else if (i > 0)
        p_.space(Space::blank);
      before = field.name.span.end;
      if (field.quoted)
        p_.token(field.name.span.start, quoted(field.name.name), Kind::string);
      else
        p_.token(field.name.span.start, field.name.name);
      p_.space(Space::align);
      token(field.name.span.end, "=");
      p_.space(Space::blank);
      expression(*field.value);
      if (i + 1 < object.fields.size()) token(field.value->span.end, ",");
    }
    if (!object.fields.empty() && before.line != e.span.end.line) {
      token(object.fields.back().value->span.end, ",");
      p_.space(Space::row);
    }
    p_.space(Space::unindent);
    p_.token(e.span.end, "}");
  }

  void print(const Expression& e, const CallExpression& call) {
    expression(*call.callee);
    token(call.open, "(");
    Position before = call.open;
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      const Expression& argument = *call.arguments[i];
      const bool own_line = before.line != argument.span.start.line;
      if (own_line) {
        p_.space(Space::row);
        p_.space(Space::indent);
      }
      expression(argument);
      before = argument.span.end;
      if (i + 1 < call.arguments.size()) {
        token(before, ",");
        p_.space(Space::blank);
      }
      if (own_line) p_.space(Space::unindent);
    }
    if (!call.arguments.empty() && before.line != e.span.end.line) {
      token(before, ",");
      p_.space(Space::row);
    }
    token(e.span.end, ")");
  }

  Printer& p_;
  bool exact_;
};

std::string print(const File& file, bool exact) {
  Printer printer(file.comments);
  Walker(printer, exact).body(file.body.statements);
  std::string text = printer.finish();
  const auto last = text.find_last_not_of('\n');
  text.erase(last == std::string::npos ? 0 : last + 1);
  return text + "\n";
}

/// What a text says, without layout: no ends of lines, commas before a closing bracket, empty
/// labels, and kinds of quotes.
std::vector<std::string> essence(std::string_view text, const std::string& name) {
  std::vector<std::string> out;
  Diagnostics found;
  Scanner scanner(text, name, found);
  for (Lexeme at = scanner.next(); at.token != Token::end; at = scanner.next()) {
    const bool closes = at.token == Token::right_paren || at.token == Token::right_bracket ||
                        at.token == Token::right_curly;
    const bool after = !out.empty();
    if (after &&
        ((closes && out.back() == ",") || (at.token == Token::left_curly && out.back() == "'")))
      out.pop_back();
    if (at.token == Token::string)
      out.push_back(fmt::format("'{}", at.text.substr(1, at.text.size() - 2)));
    else if (at.token != Token::terminator && at.token != Token::comment)
      out.emplace_back(at.text);
  }
  return out;
}

/// As `alloy fmt` lays it out; where that would change what the text says, with exact places.
std::string print(const File& file) {
  std::string text = print(file, false);
  if (essence(text, file.name) != essence(file.source, file.name)) text = print(file, true);
  return text;
}

}  // namespace

std::string format(const File& file) {
  std::string text = print(file);
  // Comments within expressions may find their place only when they are laid out again.
  constexpr int kMostRounds = 8;
  for (int i = 0; i < kMostRounds; ++i) {
    Diagnostics found;
    const FilePtr again = parse_file(file.name, text, found);
    std::string next = found.has_errors() ? text : print(*again);
    if (next == text) break;
    text = std::move(next);
  }
  return text;
}

}  // namespace collector::syntax
