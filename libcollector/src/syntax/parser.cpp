#include "syntax/parser.hpp"

#include "syntax/scanner.hpp"

#include <fmt/format.h>

#include <optional>

namespace collector::syntax {
namespace {

constexpr int kDeepest = 256;

std::optional<Operator> binary_operator(Token token) {
  switch (token) {
    case Token::logical_or:
      return Operator::logical_or;
    case Token::logical_and:
      return Operator::logical_and;
    case Token::equal:
      return Operator::equal;
    case Token::not_equal:
      return Operator::not_equal;
    case Token::less:
      return Operator::less;
    case Token::less_equal:
      return Operator::less_equal;
    case Token::greater:
      return Operator::greater;
    case Token::greater_equal:
      return Operator::greater_equal;
    case Token::add:
      return Operator::add;
    case Token::subtract:
      return Operator::subtract;
    case Token::multiply:
      return Operator::multiply;
    case Token::divide:
      return Operator::divide;
    case Token::modulo:
      return Operator::modulo;
    default:
      return std::nullopt;
  }
}

/// Higher binds tighter; the power operator stands apart because it is right-associative.
int precedence(Operator op) {
  if (op == Operator::logical_or) return 1;
  if (op == Operator::logical_and) return 2;
  if (op <= Operator::greater_equal) return 3;
  return op <= Operator::subtract ? 4 : 5;
}

/// A comment without its carriage returns, but for one that keeps a block from being closed.
std::string without_returns(std::string_view comment) {
  std::string out;
  for (std::size_t i = 0; i < comment.size(); ++i)
    if (comment[i] != '\r' || (comment[1] == '*' && out.size() > 2 && out.back() == '*' &&
                               i + 1 < comment.size() && comment[i + 1] == '/'))
      out += comment[i];
  return out;
}

class Parser {
 public:
  Parser(const std::string& file, std::string_view source, Diagnostics& diagnostics)
      : file_(file), diagnostics_(diagnostics), scanner_(source, file, diagnostics) {
    advance();
  }

  Body body(Token until) {
    Body out;
    while (at_.token != until && at_.token != Token::end) {
      statement(out);
      if (at_.token == until) break;
      if (at_.token != Token::terminator) {
        error_here(fmt::format("expected end of line, got {}", to_string(at_.token)));
        skip_statement();
      }
      advance();
    }
    return out;
  }

  ExpressionPtr expression() {
    const Depth depth(*this);
    return depth.ok() ? binary(1) : null_here();
  }

  bool at_end() const { return at_.token == Token::end; }
  void skip_terminators() {
    while (at_.token == Token::terminator) advance();
  }
  void error_here(std::string message) {
    const Span span = span_of(at_);
    if (span.start.line == last_error_line_) return;  // one mistake often looks like several
    last_error_line_ = span.start.line;
    diagnostics_.error(file_, {span.start, span.start}, std::move(message));
  }
  Token token() const { return at_.token; }
  std::vector<Comment> take_comments() { return std::move(comments_); }

 private:
  /// Nesting, against a stack that overflows.
  class Depth {
   public:
    explicit Depth(Parser& p) : parser_(p) {
      if (++p.depth_ == kDeepest + 1) p.error_here("this is nested too deep");
    }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ~Depth() { --parser_.depth_; }
    bool ok() const { return parser_.depth_ <= kDeepest; }

   private:
    Parser& parser_;
  };

  struct Head {
    std::vector<std::string> parts;
    Span span;
    std::string label;
    Span label_span;
    bool labelled = false;
  };

  Span span_of(const Lexeme& lexeme) const {
    const int last = lexeme.offset + std::max<int>(static_cast<int>(lexeme.text.size()) - 1, 0);
    return {scanner_.position(lexeme.offset), scanner_.position(last)};
  }

  void advance() {
    for (at_ = scanner_.next(); at_.token == Token::comment; at_ = scanner_.next()) {
      const std::string text = without_returns(at_.text);
      // Shorter than in the source, as the peer counts it.
      at_.text = at_.text.substr(0, text.size());
      comments_.push_back({span_of(at_), text});
    }
  }

  Lexeme expect(Token token) {
    const Lexeme got = at_;
    if (got.token != token)
      error_here(fmt::format("expected {}, got {}", to_string(token), to_string(got.token)));
    advance();
    return got;
  }

  void skip_to(Token token) {
    while (at_.token != Token::end && at_.token != token) advance();
  }

  /// To the terminator of this statement, over brackets that open in it.
  void skip_statement() {
    int open = 0;
    for (; at_.token != Token::end; advance()) {
      switch (at_.token) {
        case Token::left_curly:
        case Token::left_bracket:
        case Token::left_paren:
          ++open;
          break;
        case Token::right_curly:
        case Token::right_bracket:
        case Token::right_paren:
          --open;
          break;
        case Token::terminator:
          if (open <= 0) return;
          break;
        default:
          break;
      }
    }
  }

  void statement(Body& out) {
    const Depth depth(*this);
    if (!depth.ok()) return skip_to(Token::end);
    auto head = this->head();
    if (!head) return skip_to(Token::identifier);
    if (at_.token == Token::assign) {
      advance();
      if (head->parts.size() != 1)
        diagnostics_.error(file_, head->span, "an attribute's name has no dots");
      else if (head->labelled)
        diagnostics_.error(file_, head->label_span, "an attribute has no label");
      const bool usable = head->parts.size() == 1 && !head->labelled;
      ExpressionPtr value = expression();
      if (usable) out.statements.push_back(Attribute{{head->parts[0], head->span}, value});
      return;
    }
    if (at_.token == Token::left_curly) {
      auto block = std::make_shared<Block>();
      block->name = std::move(head->parts);
      block->name_span = head->span;
      block->label = std::move(head->label);
      block->label_span = head->label_span;
      block->left_curly = span_of(at_).start;
      advance();
      block->body = body(Token::right_curly);
      block->right_curly = span_of(expect(Token::right_curly)).start;
      out.statements.emplace_back(std::shared_ptr<const Block>(std::move(block)));
      return;
    }
    error_here(head->parts.size() == 1 && !head->labelled
                   ? fmt::format("expected \"=\" or a block body, got {}", to_string(at_.token))
                   : fmt::format("expected a block body, got {}", to_string(at_.token)));
    skip_to(Token::identifier);
  }

  std::optional<Head> head() {
    if (at_.token != Token::identifier) {
      error_here(fmt::format("expected identifier, got {}", to_string(at_.token)));
      return std::nullopt;
    }
    Head head;
    head.span = span_of(at_);
    head.parts.emplace_back(at_.text);
    advance();
    while (at_.token == Token::dot) {
      advance();
      if (at_.token != Token::identifier)
        error_here(fmt::format("expected identifier, got {}", to_string(at_.token)));
      head.parts.emplace_back(at_.text);
      head.span.end = span_of(at_).end;
      advance();
    }
    if (at_.token == Token::assign || at_.token == Token::left_curly) return head;
    if (at_.token == Token::string) {
      head.labelled = true;
      head.label_span = span_of(at_);
      if (at_.text[0] != '"') error_here("a label stands in double quotes");
      if (at_.text.size() > 2) {
        head.label = std::string(at_.text.substr(1, at_.text.size() - 2));
        if (!is_identifier(head.label))
          error_here(fmt::format("the label \"{}\" is no identifier", head.label));
      }
    } else {
      error_here(fmt::format("expected a block label, got {}", to_string(at_.token)));
    }
    advance();
    return head;
  }

  template <class Node>
  static ExpressionPtr make(Span span, Node node) {
    return std::make_shared<const Expression>(Expression{span, std::move(node)});
  }

  ExpressionPtr null_here() {
    const Span span = span_of(at_);
    while (at_.token != Token::end && at_.token != Token::terminator) advance();
    return make(span, Literal{Literal::Kind::null, "null"});
  }

  ExpressionPtr binary(int least) {
    ExpressionPtr left = power();
    for (;;) {
      const auto op = binary_operator(at_.token);
      if (!op || precedence(*op) < least) return left;
      const Position place = span_of(at_).start;
      advance();
      ExpressionPtr right = binary(precedence(*op) + 1);
      const Span span{left->span.start, right->span.end};
      left = make(span, Binary{*op, place, left, right});
    }
  }

  ExpressionPtr power() {
    const Depth depth(*this);
    if (!depth.ok()) return null_here();
    ExpressionPtr left = unary();
    if (at_.token != Token::power) return left;
    const Position place = span_of(at_).start;
    advance();
    ExpressionPtr right = power();
    const Span span{left->span.start, right->span.end};
    return make(span, Binary{Operator::power, place, left, right});
  }

  ExpressionPtr unary() {
    const Depth depth(*this);
    if (!depth.ok()) return null_here();
    if (at_.token == Token::logical_not || at_.token == Token::subtract) {
      const Operator op = at_.token == Token::subtract ? Operator::negate : Operator::logical_not;
      const Position start = span_of(at_).start;
      advance();
      ExpressionPtr value = unary();
      const Span span{start, value->span.end};
      return make(span, Unary{op, value});
    }
    return postfix(primary());
  }

  ExpressionPtr postfix(ExpressionPtr value) {
    for (;;) {
      const Position start = value->span.start;
      switch (at_.token) {
        case Token::dot: {
          advance();
          const Lexeme name = expect(Token::identifier);
          const Span span{start, span_of(name).end};
          value = make(span, Access{value, {std::string(name.text), span_of(name)}});
          break;
        }
        case Token::left_bracket: {
          const Position open = span_of(at_).start;
          advance();
          ExpressionPtr index = expression();
          const Lexeme close = expect(Token::right_bracket);
          value = make({start, span_of(close).end}, Index{value, index, open});
          break;
        }
        case Token::left_paren: {
          const Position open = span_of(at_).start;
          advance();
          std::vector<ExpressionPtr> arguments = expressions(Token::right_paren);
          const Lexeme close = expect(Token::right_paren);
          value =
              make({start, span_of(close).end}, CallExpression{value, open, std::move(arguments)});
          break;
        }
        case Token::string:
        case Token::left_curly: {
          // `x = component "label" { ... }`: the block is read to say what is wrong.
          if (at_.token == Token::string) advance();
          if (expect(Token::left_curly).token != Token::left_curly) {
            skip_statement();
            return value;
          }
          body(Token::right_curly);
          const Lexeme close = expect(Token::right_curly);
          if (close.token != Token::right_curly) {
            skip_statement();
            return value;
          }
          diagnostics_.error(file_, {start, span_of(close).end}, "a block is no expression");
          break;
        }
        default:
          return value;
      }
    }
  }

  std::vector<ExpressionPtr> expressions(Token until) {
    std::vector<ExpressionPtr> out;
    while (at_.token != until && at_.token != Token::end) {
      out.push_back(expression());
      if (at_.token == until) break;
      if (at_.token != Token::comma) error_here("a comma is missing between expressions");
      advance();
    }
    return out;
  }

  ExpressionPtr primary() {
    const Lexeme here = at_;
    const Span span = span_of(here);
    switch (here.token) {
      case Token::identifier:
        advance();
        return make(span, Reference{std::string(here.text)});
      case Token::string:
      case Token::number:
      case Token::floating:
      case Token::boolean:
      case Token::null: {
        advance();
        const auto kind = here.token == Token::string     ? Literal::Kind::string
                          : here.token == Token::number   ? Literal::Kind::number
                          : here.token == Token::floating ? Literal::Kind::floating
                          : here.token == Token::boolean  ? Literal::Kind::boolean
                                                          : Literal::Kind::null;
        return make(span, Literal{kind, std::string(here.text)});
      }
      case Token::left_paren: {
        advance();
        ExpressionPtr inner = expression();
        const Lexeme close = expect(Token::right_paren);
        return make({span.start, span_of(close).end}, Parenthesized{inner});
      }
      case Token::left_bracket: {
        advance();
        std::vector<ExpressionPtr> elements = expressions(Token::right_bracket);
        const Lexeme close = expect(Token::right_bracket);
        return make({span.start, span_of(close).end}, ArrayLiteral{std::move(elements)});
      }
      case Token::left_curly: {
        advance();
        ObjectLiteral object;
        fields(object);
        const Lexeme close = expect(Token::right_curly);
        return make({span.start, span_of(close).end}, std::move(object));
      }
      default:
        break;
    }
    error_here(fmt::format("expected an expression, got {}", to_string(here.token)));
    while (at_.token != Token::end && at_.token != Token::terminator &&
           at_.token != Token::right_paren && at_.token != Token::right_curly &&
           at_.token != Token::right_bracket && at_.token != Token::comma)
      advance();
    return make(span, Literal{Literal::Kind::null, "null"});
  }

  void fields(ObjectLiteral& object) {
    while (at_.token != Token::right_curly && at_.token != Token::end) {
      ObjectLiteral::Field field;
      if (at_.token == Token::string || at_.token == Token::identifier) {
        field.name = {std::string(at_.text), span_of(at_)};
        if (at_.token == Token::string && at_.text.size() > 2) {
          field.name.name = std::string(at_.text.substr(1, at_.text.size() - 2));
          field.quoted = true;
        }
        advance();
      } else {
        error_here(fmt::format("expected a field name (string or identifier), got {}",
                               to_string(at_.token)));
        skip_to(Token::assign);
      }
      expect(Token::assign);
      field.value = expression();
      object.fields.push_back(std::move(field));
      if (at_.token == Token::right_curly) break;
      if (at_.token != Token::comma) error_here("a comma is missing between fields");
      advance();
    }
  }

  const std::string& file_;
  Diagnostics& diagnostics_;
  Scanner scanner_;
  Lexeme at_;
  std::vector<Comment> comments_;
  int last_error_line_ = 0;
  int depth_ = 0;
};

}  // namespace

std::string Block::full_name() const {
  std::string out;
  for (const std::string& part : name) out.append(out.empty() ? "" : ".").append(part);
  return out;
}
std::string Block::id() const { return label.empty() ? full_name() : full_name() + "." + label; }

FilePtr parse_file(std::string name, std::string source, Diagnostics& diagnostics) {
  auto file = std::make_shared<File>();
  file->name = std::move(name);
  file->source = std::move(source);
  diagnostics.source(file->name, {file, &file->source});
  Parser parser(file->name, file->source, diagnostics);
  file->body = parser.body(Token::end);
  file->comments = parser.take_comments();
  return file;
}

ExpressionPtr parse_expression(std::string name, std::string source, Diagnostics& diagnostics) {
  Diagnostics found;
  Parser parser(name, source, found);
  ExpressionPtr expression = parser.expression();
  parser.skip_terminators();
  if (!parser.at_end())
    parser.error_here(fmt::format("expected end of file, got {}", to_string(parser.token())));
  const bool good = !found.has_errors();
  diagnostics.append(std::move(found));
  return good ? expression : nullptr;
}

}  // namespace collector::syntax
