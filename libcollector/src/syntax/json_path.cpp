// json_path: the selectors of RFC 9535, without functions.
#include "syntax/stdlib.hpp"

#include "syntax/operators.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <functional>
#include <optional>

namespace collector::syntax {
namespace {

using Nodes = std::vector<Value>;
using Step = std::function<void(const Value& node, Nodes& out)>;

void children(const Value& node, Nodes& out) {
  if (node.type() == Value::Type::array)
    out.insert(out.end(), node.array().begin(), node.array().end());
  else if (node.type() == Value::Type::object)
    for (const auto& [key, v] : node.object()) out.push_back(v);
}

void descend(const Value& node, const Step& step, Nodes& out) {
  step(node, out);
  Nodes below;
  children(node, below);
  for (const Value& child : below) descend(child, step, out);
}

Step by_name(std::string name) {
  return [name = std::move(name)](const Value& node, Nodes& out) {
    if (node.type() != Value::Type::object) return;
    if (auto it = node.object().find(name); it != node.object().end()) out.push_back(it->second);
  };
}

Step by_slice(std::optional<std::int64_t> from, std::optional<std::int64_t> to, std::int64_t by) {
  return [=](const Value& node, Nodes& out) {
    if (node.type() != Value::Type::array || by == 0) return;
    const auto size = static_cast<std::int64_t>(node.array().size());
    const auto fix = [&](std::int64_t i) { return i < 0 ? i + size : i; };
    std::int64_t i = from ? fix(*from) : by > 0 ? 0 : size - 1;
    const std::int64_t end = to ? fix(*to) : by > 0 ? size : -1;
    for (; by > 0 ? i < end : i > end; i += by)
      if (i >= 0 && i < size) out.push_back(node.array()[static_cast<std::size_t>(i)]);
  };
}

class Compiler {
 public:
  explicit Compiler(std::string_view path) : path_(path) {}

  /// The steps after `$` or `@`; false on a syntax error.
  bool steps(std::vector<Step>& out) {
    while (at_ < path_.size()) {
      const bool deep = path_.substr(at_, 2) == "..";
      Step step;
      if (deep) at_ += 2;
      if (peek() == '[') {
        if (!bracket(step)) return false;
      } else if (deep || peek() == '.') {
        if (!deep) ++at_;
        if (peek() == '*') {
          ++at_;
          step = children;
        } else {
          const std::string name = word();
          if (name.empty()) return false;
          step = by_name(name);
        }
      } else {
        break;
      }
      if (deep)
        step = [inner = std::move(step)](const Value& node, Nodes& o) { descend(node, inner, o); };
      out.push_back(std::move(step));
    }
    return true;
  }

  bool whole(std::vector<Step>& out) {
    if (peek() == '$')
      ++at_;
    else if (!path_.empty() && peek() != '.' && peek() != '[')
      out.push_back(by_name(word()));
    return steps(out) && at_ == path_.size();
  }

 private:
  char peek() const { return at_ < path_.size() ? path_[at_] : '\0'; }
  void space() {
    while (peek() == ' ') ++at_;
  }
  bool take(std::string_view token) {
    space();
    if (path_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  std::string word() {
    const std::size_t from = at_;
    while (at_ < path_.size() &&
           std::string_view(".[]()=<>!&| ,'\"").find(peek()) == std::string_view::npos)
      ++at_;
    return std::string(path_.substr(from, at_ - from));
  }
  bool quoted(std::string& out) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return false;
    for (++at_; at_ < path_.size() && peek() != quote; ++at_) {
      if (peek() == '\\' && at_ + 1 < path_.size()) ++at_;
      out += peek();
    }
    return take(std::string_view(&quote, 1));
  }
  bool integer(std::optional<std::int64_t>& out) {
    std::int64_t n = 0;
    const auto r = std::from_chars(path_.data() + at_, path_.data() + path_.size(), n);
    if (r.ec != std::errc()) return false;
    at_ = static_cast<std::size_t>(r.ptr - path_.data());
    out = n;
    return true;
  }

  bool bracket(Step& step) {
    ++at_;
    std::vector<Step> parts;
    do {
      space();
      Step part;
      if (!selector(part)) return false;
      parts.push_back(std::move(part));
    } while (take(","));
    if (!take("]")) return false;
    step = parts.size() == 1 ? parts[0] : Step([parts](const Value& node, Nodes& out) {
      for (const Step& part : parts) part(node, out);
    });
    return true;
  }

  bool selector(Step& step) {
    if (take("*")) {
      step = children;
      return true;
    }
    if (take("?")) return filter(step);
    std::string name;
    if (quoted(name)) {
      step = by_name(std::move(name));
      return true;
    }
    std::optional<std::int64_t> from;
    std::optional<std::int64_t> to;
    std::optional<std::int64_t> by;
    const bool number = integer(from);
    if (!take(":")) {
      if (!number) return false;
      const std::int64_t i = *from;
      step = by_slice(i, i == -1 ? std::nullopt : std::optional(i + 1), 1);
      return true;
    }
    integer(to);
    if (take(":")) integer(by);
    step = by_slice(from, to, by.value_or(1));
    return true;
  }

  using Test = std::function<bool(const Value&)>;
  using Operand = std::function<std::optional<Value>(const Value&)>;

  bool filter(Step& step) {
    const bool parens = take("(");
    Test test;
    if (!either(test) || (parens && !take(")"))) return false;
    step = [test](const Value& node, Nodes& out) {
      Nodes all;
      children(node, all);
      for (const Value& v : all)
        if (test(v)) out.push_back(v);
    };
    return true;
  }
  bool either(Test& out) {
    if (!both(out)) return false;
    while (take("||")) {
      Test more;
      if (!both(more)) return false;
      out = [a = out, b = more](const Value& v) { return a(v) || b(v); };
    }
    return true;
  }
  bool both(Test& out) {
    if (!single(out)) return false;
    while (take("&&")) {
      Test more;
      if (!single(more)) return false;
      out = [a = out, b = more](const Value& v) { return a(v) && b(v); };
    }
    return true;
  }
  bool single(Test& out) {
    if (++depth_ > 64) return false;
    space();
    if (peek() == '!' && path_.substr(at_, 2) != "!=") {
      ++at_;
      Test inner;
      if (!single(inner)) return false;
      out = [inner](const Value& v) { return !inner(v); };
      return true;
    }
    if (take("(")) return either(out) && take(")");
    Operand left;
    if (!operand(left)) return false;
    constexpr std::pair<std::string_view, Operator> kOperators[] = {
        {"==", Operator::equal},         {"!=", Operator::not_equal}, {"<=", Operator::less_equal},
        {">=", Operator::greater_equal}, {"<", Operator::less},       {">", Operator::greater}};
    for (const auto& [token, op] : kOperators) {
      if (!take(token)) continue;
      Operand right;
      if (!operand(right)) return false;
      out = [left, right, op = op](const Value& v) {
        const auto l = left(v);
        const auto r = right(v);
        if (!l || !r) return op == Operator::not_equal && l.has_value() != r.has_value();
        Value result;
        OperandError error;
        return apply(op, *l, *r, result, error) && result.boolean();
      };
      return true;
    }
    out = [left](const Value& v) { return left(v).has_value(); };
    return true;
  }
  bool operand(Operand& out) {
    space();
    if (peek() == '@') {
      ++at_;
      std::vector<Step> path;
      if (!steps(path)) return false;
      out = [path](const Value& v) -> std::optional<Value> {
        Nodes nodes{v};
        for (const Step& step : path) {
          Nodes next;
          for (const Value& n : nodes) step(n, next);
          nodes = std::move(next);
        }
        if (nodes.empty()) return std::nullopt;
        return nodes.front();
      };
      return true;
    }
    std::string text;
    if (quoted(text)) {
      out = [text](const Value&) { return Value(text); };
      return true;
    }
    const std::size_t from = at_;
    while (at_ < path_.size() &&
           std::string_view(")]&|=<>! ").find(peek()) == std::string_view::npos)
      ++at_;
    const std::string token(path_.substr(from, at_ - from));
    Value constant;
    if (token == "true" || token == "false") {
      constant = Value(token == "true");
    } else if (token != "null") {
      double d = 0;
      const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), d);
      if (error != std::errc() || end != token.data() + token.size()) return false;
      constant = Value(d);
    }
    out = [constant](const Value&) { return constant; };
    return true;
  }

  std::string_view path_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Value json_path(const std::string& text, const std::string& path, Value::CallError* error) {
  std::vector<Step> steps;
  if (!Compiler(path).whole(steps)) {
    *error = {fmt::format("\"{}\" is no JSONPath", path), 1};
    return {};
  }
  if (path.empty()) return Value(Array());
  Value root = from_json(text, error, true);
  if (!error->what.empty()) return {};
  Nodes nodes{std::move(root)};
  for (const Step& step : steps) {
    Nodes next;
    for (const Value& node : nodes) step(node, next);
    nodes = std::move(next);
  }
  return Value(Array(std::move(nodes)));
}

}  // namespace collector::syntax
