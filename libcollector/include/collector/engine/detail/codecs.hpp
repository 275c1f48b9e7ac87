// How C++ types are read from and shown in the configuration language. Included by arguments.hpp.
#pragma once

#include <collector/engine/seams.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace collector {

namespace syntax {
class Value;
}

/// Text that is never shown: no formatter, no serializer. `reveal` marks every use.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend bool operator==(const SecretText&, const SecretText&) = default;

 private:
  std::string text_;
};

/// A target, or any other object of strings.
using StringMap = std::map<std::string, std::string>;

namespace schema {

/// Why a value did not fit, and where inside the value: array indexes and object keys, outermost
/// first.
struct Misfit {
  std::string what;
  std::vector<std::string> path;
};

/// How one C++ type is read from and shown in the language. Stateless.
class Codec {
 public:
  virtual ~Codec() = default;
  /// As the reference names types: `list(map(string))`.
  virtual std::string type() const = 0;
  /// True and `*into` assigned, or false and `misfit` filled.
  virtual bool decode(const syntax::Value& value, void* into, Misfit& misfit) const = 0;
  /// Secrets come out as the text `(secret)`.
  virtual void encode(const void* from, syntax::Value& value) const = 0;
};

/// Lists and maps, over the codec of their element.
class ListCodec : public Codec {
 public:
  std::string type() const override;
  bool decode(const syntax::Value& value, void* into, Misfit& misfit) const override;
  void encode(const void* from, syntax::Value& value) const override;

 protected:
  virtual const Codec& element() const = 0;
  virtual void clear(void* list) const = 0;
  virtual void* add(void* list) const = 0;
  virtual std::size_t size(const void* list) const = 0;
  virtual const void* at(const void* list, std::size_t i) const = 0;
};
class MapCodec : public Codec {
 public:
  std::string type() const override;
  bool decode(const syntax::Value& value, void* into, Misfit& misfit) const override;
  void encode(const void* from, syntax::Value& value) const override;

 protected:
  virtual const Codec& element() const = 0;
  virtual void clear(void* map) const = 0;
  virtual void* add(void* map, const std::string& key) const = 0;
  virtual void each(const void* map,
                    Function<void(const std::string&, const void*)> visit) const = 0;
};

template <class T>
struct CodecFor;  // specialise with `static const Codec& get();`
template <class T>
const Codec& codec_for() {
  return CodecFor<T>::get();
}

#define COLLECTOR_CODEC(T)     \
  template <>                  \
  struct CodecFor<T> {         \
    static const Codec& get(); \
  }
COLLECTOR_CODEC(bool);
COLLECTOR_CODEC(std::int64_t);
COLLECTOR_CODEC(std::uint64_t);
COLLECTOR_CODEC(double);
COLLECTOR_CODEC(std::string);
COLLECTOR_CODEC(Duration);
COLLECTOR_CODEC(SecretText);
#undef COLLECTOR_CODEC

template <class T>
struct CodecFor<std::vector<T>> {
  static const Codec& get() {
    struct Impl final : ListCodec {
      const Codec& element() const override { return codec_for<T>(); }
      void clear(void* l) const override { static_cast<std::vector<T>*>(l)->clear(); }
      void* add(void* l) const override { return &static_cast<std::vector<T>*>(l)->emplace_back(); }
      std::size_t size(const void* l) const override {
        return static_cast<const std::vector<T>*>(l)->size();
      }
      const void* at(const void* l, std::size_t i) const override {
        return &(*static_cast<const std::vector<T>*>(l))[i];
      }
    };
    static const Impl impl;
    return impl;
  }
};
template <class T>
struct CodecFor<std::map<std::string, T>> {
  static const Codec& get() {
    struct Impl final : MapCodec {
      using M = std::map<std::string, T>;
      const Codec& element() const override { return codec_for<T>(); }
      void clear(void* m) const override { static_cast<M*>(m)->clear(); }
      void* add(void* m, const std::string& key) const override {
        return &(*static_cast<M*>(m))[key];
      }
      void each(const void* m, Function<void(const std::string&, const void*)> f) const override {
        for (const auto& [k, v] : *static_cast<const M*>(m)) f(k, &v);
      }
    };
    static const Impl impl;
    return impl;
  }
};
/// An optional attribute that tells "not set" from its zero; null in the language.
class OptionalCodec : public Codec {
 public:
  std::string type() const override { return element().type(); }
  bool decode(const syntax::Value& value, void* into, Misfit& misfit) const override;
  void encode(const void* from, syntax::Value& value) const override;

 protected:
  virtual const Codec& element() const = 0;
  virtual void* engage(void* optional) const = 0;
  virtual void reset(void* optional) const = 0;
  virtual const void* get_if(const void* optional) const = 0;
};
template <class T>
struct CodecFor<std::optional<T>> {
  static const Codec& get() {
    struct Impl final : OptionalCodec {
      const Codec& element() const override { return codec_for<T>(); }
      void* engage(void* o) const override { return &static_cast<std::optional<T>*>(o)->emplace(); }
      void reset(void* o) const override { static_cast<std::optional<T>*>(o)->reset(); }
      const void* get_if(const void* o) const override {
        auto& v = *static_cast<const std::optional<T>*>(o);
        return v ? &*v : nullptr;
      }
    };
    static const Impl impl;
    return impl;
  }
};

}  // namespace schema
}  // namespace collector
