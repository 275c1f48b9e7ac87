// Messages of libprotobuf filled at random: each field absent, at an edge of its type, or anything.
#pragma once

#include <google/protobuf/message.h>

#include <bit>
#include <cstdint>
#include <string>

namespace collector {

class RandomMessage {
 public:
  explicit RandomMessage(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }

  void fill(google::protobuf::Message& message, int depth = 4) {
    using FD = google::protobuf::FieldDescriptor;
    const auto* const type = message.GetDescriptor();
    const auto* const reflection = message.GetReflection();
    for (int i = 0; i < type->field_count(); ++i) {
      const FD* const field = type->field(i);
      const bool nested = field->cpp_type() == FD::CPPTYPE_MESSAGE;
      if (nested && depth == 0) continue;
      if (!field->is_repeated()) {
        if (below(3) == 0) continue;
        nested ? fill(*reflection->MutableMessage(&message, field), depth - 1)
               : set(message, *reflection, field, false);
        continue;
      }
      const std::uint64_t most = nested ? 4 : below(20) == 0 ? 300 : 6;
      for (std::uint64_t n = below(most); n > 0; --n)
        nested ? fill(*reflection->AddMessage(&message, field), depth - 1)
               : set(message, *reflection, field, true);
    }
  }

  std::string text() {
    static constexpr const char* kPieces[] = {
        "a",        "label", "\xc3\xa9",  "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "__name__", "\n",    "0123456789"};
    std::string out;
    for (std::uint64_t n = below(50) == 0 ? below(4000) : below(6); n > 0; --n)
      out += kPieces[below(8)];
    return out;
  }
  std::string bytes() {
    std::string out(below(12), '\0');
    for (char& c : out) c = static_cast<char>(next());
    return out;
  }

 private:
  template <class T>
  T number() {
    const auto any = static_cast<T>(next() >> below(64));
    switch (below(6)) {
      case 0:
        return 0;
      case 1:
        return static_cast<T>(-1);
      case 2:
        return static_cast<T>(std::uint64_t{1} << (8 * sizeof(T) - 1));
      case 3:
        return static_cast<T>(0 - any);
      default:
        return any;
    }
  }

  void set(google::protobuf::Message& m, const google::protobuf::Reflection& r,
           const google::protobuf::FieldDescriptor* f, bool add) {
    using FD = google::protobuf::FieldDescriptor;
#define SET(Type, value) (add ? r.Add##Type(&m, f, value) : r.Set##Type(&m, f, value))
    switch (f->cpp_type()) {
      case FD::CPPTYPE_INT32:
        return SET(Int32, number<std::int32_t>());
      case FD::CPPTYPE_INT64:
        return SET(Int64, number<std::int64_t>());
      case FD::CPPTYPE_UINT32:
        return SET(UInt32, number<std::uint32_t>());
      case FD::CPPTYPE_UINT64:
        return SET(UInt64, number<std::uint64_t>());
      case FD::CPPTYPE_DOUBLE:
        return SET(Double, std::bit_cast<double>(number<std::uint64_t>()));
      case FD::CPPTYPE_FLOAT:
        return SET(Float, std::bit_cast<float>(number<std::uint32_t>()));
      case FD::CPPTYPE_BOOL:
        return SET(Bool, below(2) == 1);
      case FD::CPPTYPE_ENUM:
        return SET(Enum, f->enum_type()->value(static_cast<int>(
                             below(static_cast<std::uint64_t>(f->enum_type()->value_count())))));
      default:
        return SET(String, f->type() == FD::TYPE_BYTES ? bytes() : text());
    }
#undef SET
  }

  std::uint64_t state_;
};

}  // namespace collector
