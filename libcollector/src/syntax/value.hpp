// A value of the configuration language. Immutable, cheap to copy, usable from any thread.
#pragma once

#include <collector/engine/status.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace collector::syntax {

class Value;
using Array = std::vector<Value>;
/// Keys sorted: equal objects print equal.
using Object = std::map<std::string, Value, std::less<>>;

/// Something of ours that the language only hands about: a secret, a receiver.
class Capsule {
 public:
  virtual ~Capsule() = default;
  /// As Alloy prints it in diagnostics: `capsule("alloytypes.Secret")` has the type name inside.
  virtual std::string_view type_name() const = 0;
  /// Whether an argument that got this value before needs no update. Identity unless overridden.
  virtual bool equals(const Capsule& other) const { return this == &other; }
};

/// Text that must not be shown. It has no formatter; `reveal` marks every use.
class Secret final : public Capsule {
 public:
  explicit Secret(std::string text) : text_(std::move(text)) {}
  std::string_view type_name() const override { return "alloytypes.Secret"; }
  bool equals(const Capsule& other) const override;
  const std::string& reveal() const { return text_; }

 private:
  std::string text_;
};

/// Text that is a secret only where `sensitive` says so; it converts to string only when it is not.
class OptionalSecret final : public Capsule {
 public:
  OptionalSecret(std::string text, bool sensitive)
      : text_(std::move(text)), sensitive_(sensitive) {}
  std::string_view type_name() const override { return "alloytypes.OptionalSecret"; }
  bool equals(const Capsule& other) const override;
  const std::string& reveal() const { return text_; }
  bool sensitive() const { return sensitive_; }

 private:
  std::string text_;
  bool sensitive_;
};

class Value {
 public:
  enum class Type { null, number, string, boolean, array, object, function, capsule };
  /// Arguments in, result or an error whose sentence the caller places at the call. `bad_argument`,
  /// when it is set, is the 0-based argument that the error is about.
  struct CallError {
    std::string what;
    int bad_argument = -1;
  };
  using Call = std::function<Value(std::span<const Value>, CallError* error)>;

  Value() = default;
  Value(std::int64_t n) : v_(n) {}
  Value(std::uint64_t n) : v_(n) {}
  Value(int n) : v_(static_cast<std::int64_t>(n)) {}
  Value(double n) : v_(n) {}
  Value(bool b) : v_(b) {}
  Value(const char* s) : v_(std::string(s)) {}
  Value(std::string s) : v_(std::move(s)) {}
  Value(std::string_view s) : v_(std::string(s)) {}
  Value(Array a) : v_(std::make_shared<const Array>(std::move(a))) {}
  Value(Object o) : v_(std::make_shared<const Object>(std::move(o))) {}
  Value(std::shared_ptr<const Capsule> c) : v_(std::move(c)) {}
  static Value function(Call call) {
    Value v;
    v.v_ = std::make_shared<const Call>(std::move(call));
    return v;
  }

  Type type() const;
  bool is_null() const { return v_.index() == 0; }

  // Preconditions: the type is the one named.
  const std::string& string() const { return std::get<std::string>(v_); }
  bool boolean() const { return std::get<bool>(v_); }
  const Array& array() const { return *std::get<std::shared_ptr<const Array>>(v_); }
  const Object& object() const { return *std::get<std::shared_ptr<const Object>>(v_); }
  const Call& call() const { return *std::get<std::shared_ptr<const Call>>(v_); }
  const Capsule& capsule() const { return *std::get<std::shared_ptr<const Capsule>>(v_); }
  std::shared_ptr<const Capsule> shared_capsule() const {
    return std::get<std::shared_ptr<const Capsule>>(v_);
  }
  /// The capsule as C, or nullptr when this is no capsule or another one.
  template <class C>
  std::shared_ptr<const C> capsule_as() const {
    auto* c = std::get_if<std::shared_ptr<const Capsule>>(&v_);
    return c ? std::dynamic_pointer_cast<const C>(*c) : nullptr;
  }

  // Numbers keep how they were made: signed, unsigned or floating point, as in Alloy.
  bool is_int() const { return std::holds_alternative<std::int64_t>(v_); }
  bool is_uint() const { return std::holds_alternative<std::uint64_t>(v_); }
  bool is_float() const { return std::holds_alternative<double>(v_); }
  std::int64_t as_int() const;  ///< floats truncate
  std::uint64_t as_uint() const;
  double as_float() const;

  /// Equality of the language's `==`, except that functions are never equal.
  friend bool operator==(const Value& a, const Value& b);

 private:
  std::variant<std::monostate, std::int64_t, std::uint64_t, double, bool, std::string,
               std::shared_ptr<const Array>, std::shared_ptr<const Object>,
               std::shared_ptr<const Call>, std::shared_ptr<const Capsule>>
      v_;
};

/// `number`, `string`, ..., `capsule`: as Alloy's diagnostics name them.
std::string_view to_string(Value::Type type);
/// One line in the language's syntax; secrets print as `(secret)`, other capsules and functions by
/// type.
std::string to_text(const Value& value);

}  // namespace collector::syntax
