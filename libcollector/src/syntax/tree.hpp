// The syntax tree of a configuration. Immutable once parsed; nodes are shared by pointer.
#pragma once

#include "syntax/diagnostics.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace collector::syntax {

enum class Operator {
  logical_or,
  logical_and,
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
  negate,       // unary -
  logical_not,  // unary !
};

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

struct Identifier {
  std::string name;
  Span span;
};

struct Literal {
  enum class Kind { null, boolean, number, floating, string };
  Kind kind;
  std::string text;  ///< as written, quotes included
};
struct ArrayLiteral {
  std::vector<ExpressionPtr> elements;
};
struct ObjectLiteral {
  struct Field {
    Identifier name;  ///< without quotes
    bool quoted = false;
    ExpressionPtr value;
  };
  std::vector<Field> fields;
};
struct Reference {
  std::string name;
};
struct Access {
  ExpressionPtr value;
  Identifier name;
};
struct Index {
  ExpressionPtr value, index;
  Position open;  ///< of the bracket
};
struct CallExpression {
  ExpressionPtr callee;
  Position open;  ///< of the parenthesis
  std::vector<ExpressionPtr> arguments;
};
struct Unary {
  Operator op;
  ExpressionPtr value;
};
struct Binary {
  Operator op;
  Position op_position;
  ExpressionPtr left, right;
};
struct Parenthesized {
  ExpressionPtr inner;
};

struct Expression {
  Span span;
  std::variant<Literal, ArrayLiteral, ObjectLiteral, Reference, Access, Index, CallExpression,
               Unary, Binary, Parenthesized>
      node;
};

struct Block;

struct Attribute {
  Identifier name;
  ExpressionPtr value;
};

using Statement = std::variant<Attribute, std::shared_ptr<const Block>>;

struct Body {
  std::vector<Statement> statements;
};

struct Block {
  std::vector<std::string> name;  ///< `prometheus.scrape` is two parts
  Span name_span;
  std::string label;  ///< without quotes; empty when there is none
  Span label_span;    ///< with quotes; no place when there is no label
  Body body;
  Position left_curly, right_curly;

  std::string full_name() const;  ///< dotted
  std::string id() const;         ///< dotted with the label: `prometheus.scrape.default`
};

struct Comment {
  Span span;
  std::string text;  ///< with its slashes or stars
};

struct File {
  std::string name;
  std::string source;  ///< owns the text that diagnostics draw
  Body body;
  std::vector<Comment> comments;
};
using FilePtr = std::shared_ptr<const File>;

}  // namespace collector::syntax
