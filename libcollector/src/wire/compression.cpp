#include "wire/compression.hpp"

#include <libdeflate.h>
#include <snappy-sinksource.h>
#include <snappy.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>

namespace collector::wire {
namespace {

Status too_large(std::size_t max_out) {
  return Status(Code::out_of_range,
                "uncompressed body is over the limit of " + std::to_string(max_out) + " bytes");
}

Status failed(Reservation& charge, Status why) {
  charge.release();
  return why;
}

/// Takes what was made from where it was made: a string cannot grow without being filled first.
class StringSink final : public snappy::Sink {
 public:
  explicit StringSink(std::string& out) : out_(out) {}
  void Append(const char* bytes, std::size_t n) override { out_.append(bytes, n); }

 private:
  std::string& out_;
};

class BlockSource final : public snappy::Source {
 public:
  BlockSource(std::size_t size, const std::function<std::string_view()>& next)
      : left_(size), next_(next) {}
  std::size_t Available() const override { return left_; }
  const char* Peek(std::size_t* size) override {
    if (block_.empty() && left_ > 0) block_ = next_();
    *size = block_.size();
    return block_.data();
  }
  void Skip(std::size_t n) override {
    block_.remove_prefix(n);
    left_ -= n;
  }

 private:
  std::size_t left_;
  const std::function<std::string_view()>& next_;
  std::string_view block_;
};

/// Makes `out` of `size` bytes, of which the first `kept` are as they were.
Status make_room(std::string& out, std::size_t kept, std::size_t size, Reservation& charge) {
  if (charge.bytes() == 0 && size <= out.capacity() && !charge.grow(out.capacity()).ok())
    out = std::string();  // it may be far more than is needed
  if (size > out.capacity() || charge.bytes() == 0) {
    if (kept == 0) {
      out = std::string();
      charge.release();
    }
    // Old and new are there together while one is copied to the other.
    if (Status s = charge.grow(size); !s.ok()) return s;
    std::string larger;
    larger.reserve(size);
    larger.append(out, 0, kept);
    out = std::move(larger);
    charge.shrink_to(size);
  }
  out.resize(size);
  return {};
}

/// The size that the end of a gzip stream names (RFC 1952, 2.3.1): exact for one honest member.
std::size_t named_size(std::string_view in) {
  if (in.size() < 18) return 0;
  std::size_t size = 0;
  for (std::size_t i = 1; i <= 4; ++i)
    size = size << 8 | static_cast<unsigned char>(in[in.size() - i]);
  return size;
}

}  // namespace

void snappy_compress(std::string_view in, std::string& out) {
  snappy::ByteArraySource source(in.data(), in.size());
  StringSink sink(out);
  snappy::Compress(&source, &sink);
}

void snappy_compress(std::size_t size, const std::function<std::string_view()>& next,
                     std::string& out) {
  BlockSource source(size, next);
  StringSink sink(out);
  snappy::Compress(&source, &sink);
}

Result<std::string> snappy_uncompress(std::string_view in, std::size_t max_out,
                                      Reservation& charge) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(in.data(), in.size(), &size))
    return Status(Code::data_loss, "snappy: no length");
  if (size > max_out || size / kMaxRatio > in.size()) return too_large(max_out);
  std::string out;
  if (Status s = make_room(out, 0, size, charge); !s.ok()) return s;
  if (!snappy::RawUncompress(in.data(), in.size(), out.data()))
    return failed(charge, Status(Code::data_loss, "snappy: damaged"));
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

Result<std::string> gunzip(std::string_view in, std::size_t max_out, Reservation& charge,
                           std::string out) {
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> decompressor(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  const std::size_t cap = std::min(max_out, in.size() * kMaxRatio);
  std::size_t done = 0;
  while (!in.empty()) {
    std::size_t guess = named_size(in);
    if (guess == 0 || guess > cap - done) guess = std::max<std::size_t>(in.size() * 4, 1024);
    for (;;) {
      guess = std::min(guess, cap - done);
      if (Status s = make_room(out, done, done + guess, charge); !s.ok()) return failed(charge, s);
      std::size_t used = 0;
      std::size_t made = 0;
      const auto result = libdeflate_gzip_decompress_ex(decompressor.get(), in.data(), in.size(),
                                                        out.data() + done, guess, &used, &made);
      if (result == LIBDEFLATE_SUCCESS) {
        done += made;
        in.remove_prefix(used);
        break;
      }
      if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
        return failed(charge, Status(Code::data_loss, "gzip: damaged"));
      if (guess == cap - done) return failed(charge, too_large(cap));
      guess *= 2;
    }
  }
  out.resize(done);
  return out;
}

std::string zstd(std::string_view in, int level) {
  std::string out(ZSTD_compressBound(in.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), in.data(), in.size(), level));
  return out;
}

Result<std::string> unzstd(std::string_view in, std::size_t max_out, Reservation& charge,
                           std::string out) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                        ZSTD_freeDCtx);
  const Status damaged(Code::data_loss, "zstd: damaged");
  const std::size_t cap = std::min(max_out, in.size() * kMaxRatio);
  std::size_t done = 0;
  while (!in.empty()) {
    const std::size_t frame = ZSTD_findFrameCompressedSize(in.data(), in.size());
    if (ZSTD_isError(frame)) return failed(charge, damaged);
    // Decoded whole, so that a frame's window is never memory of its own.
    const unsigned long long named = ZSTD_getFrameContentSize(in.data(), in.size());
    if (named == ZSTD_CONTENTSIZE_ERROR) return failed(charge, damaged);
    const bool known = named != ZSTD_CONTENTSIZE_UNKNOWN;
    if (known && named > cap - done) return failed(charge, too_large(cap));
    std::size_t guess =
        known ? static_cast<std::size_t>(named) : std::max<std::size_t>(frame * 8, 1024);
    for (;;) {
      guess = std::min(guess, cap - done);
      if (Status s = make_room(out, done, done + guess, charge); !s.ok()) return failed(charge, s);
      const std::size_t made =
          ZSTD_decompressDCtx(context.get(), out.data() + done, guess, in.data(), frame);
      if (!ZSTD_isError(made)) {
        done += made;
        in.remove_prefix(frame);
        break;
      }
      if (known || ZSTD_getErrorCode(made) != ZSTD_error_dstSize_tooSmall)
        return failed(charge, damaged);
      if (guess == cap - done) return failed(charge, too_large(cap));
      guess *= 2;
    }
  }
  out.resize(done);
  return out;
}

Result<std::string> undeflate(std::string_view in, std::size_t max_out, Reservation& charge) {
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> decompressor(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  const std::size_t cap = std::min(max_out, in.size() * kMaxRatio);
  std::string out;
  for (std::size_t guess = std::min<std::size_t>(std::max<std::size_t>(in.size() * 4, 1024), cap);;
       guess = std::min(guess * 2, cap)) {
    if (Status s = make_room(out, 0, guess, charge); !s.ok()) return failed(charge, s);
    std::size_t used = 0;
    std::size_t made = 0;
    const auto result = libdeflate_deflate_decompress_ex(decompressor.get(), in.data(), in.size(),
                                                         out.data(), guess, &used, &made);
    if (result == LIBDEFLATE_SUCCESS) {
      out.resize(made);
      return out;
    }
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
      return failed(charge, Status(Code::data_loss, "deflate: damaged"));
    if (guess == cap) return failed(charge, too_large(cap));
  }
}

}  // namespace collector::wire
