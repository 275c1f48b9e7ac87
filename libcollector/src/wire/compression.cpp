#include "wire/compression.hpp"

#include <libdeflate.h>
#include <snappy.h>

#include <algorithm>
#include <memory>

namespace collector::wire {
namespace {

Status too_large(std::size_t max_out) {
  return Status(Code::out_of_range,
                "uncompressed body is over the limit of " + std::to_string(max_out) + " bytes");
}

}  // namespace

void snappy_compress(std::string_view in, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + snappy::MaxCompressedLength(in.size()));
  std::size_t made = 0;
  snappy::RawCompress(in.data(), in.size(), out.data() + before, &made);
  out.resize(before + made);
}

Result<std::string> snappy_uncompress(std::string_view in, std::size_t max_out) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(in.data(), in.size(), &size))
    return Status(Code::data_loss, "snappy: no length");
  if (size > max_out || size / kMaxRatio > in.size()) return too_large(max_out);
  std::string out(size, '\0');
  if (!snappy::RawUncompress(in.data(), in.size(), out.data()))
    return Status(Code::data_loss, "snappy: damaged");
  return out;
}

std::string gzip(std::string_view in, int level) {
  const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor(
      libdeflate_alloc_compressor(level), libdeflate_free_compressor);
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), in.size()), '\0');
  out.resize(
      libdeflate_gzip_compress(compressor.get(), in.data(), in.size(), out.data(), out.size()));
  return out;
}

Result<std::string> gunzip(std::string_view in, std::size_t max_out) {
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> decompressor(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  const std::size_t cap = std::min(max_out, in.size() * kMaxRatio);
  std::string out;
  std::size_t done = 0;
  while (!in.empty()) {
    std::size_t guess = std::max<std::size_t>(in.size() * 4, 1024);
    for (;;) {
      guess = std::min(guess, cap - done);
      out.resize(done + guess);
      std::size_t used = 0;
      std::size_t made = 0;
      const auto result = libdeflate_gzip_decompress_ex(decompressor.get(), in.data(), in.size(),
                                                        out.data() + done, guess, &used, &made);
      if (result == LIBDEFLATE_SUCCESS) {
        done += made;
        in.remove_prefix(used);
        break;
      }
      if (result != LIBDEFLATE_INSUFFICIENT_SPACE) return Status(Code::data_loss, "gzip: damaged");
      if (guess == cap - done) return too_large(cap);
      guess *= 2;
    }
  }
  out.resize(done);
  return out;
}

}  // namespace collector::wire
