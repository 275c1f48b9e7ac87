// Logs on simulated files, and what they hold, for the tests of the outbox.
#pragma once

#include <collector/engine/testing.hpp>

#include "outbox/file_log.hpp"

#include "catch.hpp"

#include <map>
#include <string>
#include <vector>

namespace collector {

inline constexpr const char* kFolder = "/data/outbox/owner/log";

/// A body that says which it is and fills `size` bytes.
inline std::string body_of(std::uint64_t n, std::size_t size) {
  std::string text = "frame " + std::to_string(n) + " ";
  while (text.size() < size) text += static_cast<char>('a' + (text.size() + n) % 26);
  return text;
}
inline std::uint64_t number_of(const std::string& body) {
  return std::stoull(body.substr(6));  // NOLINT: a test's own text
}

struct LogBench {
  explicit LogBench(std::uint64_t seed = 1) : random(seed), files(loop, random) {}

  Result<std::unique_ptr<outbox::FileLog>> try_open() {
    outbox::FileLog::Options options;
    options.destination = {"prometheus.remote_write.x", "e", "f", "http://h/", ""};
    options.segment_size = segment_size;
    options.most = most;
    options.reserve = reserve;
    return outbox::FileLog::open(loop, files, random, kFolder, options);
  }
  void open() {
    auto opened = try_open();
    INFO((opened ? std::string() : opened.error().what()));
    REQUIRE(opened.has_value());
    log = std::move(*opened);
  }
  Result<outbox::StoredFrame> append(std::uint64_t n, std::size_t size, std::string context = "") {
    std::string buffer;
    outbox::Log::begin(buffer, context);
    buffer += body_of(n, size);
    outbox::Frame frame;
    frame.items = static_cast<std::uint32_t>(1 + n % 5);
    frame.context_size = static_cast<std::uint16_t>(context.size());
    frame.order_key = static_cast<std::uint8_t>(n);
    frame.oldest_ms = frame.newest_ms = static_cast<std::int64_t>(1000 * n);
    return log->append(frame, buffer);
  }
  /// Every waiting frame's number, in order; a frame that cannot be read is left out.
  std::vector<std::uint64_t> waiting() {
    std::vector<std::uint64_t> out;
    outbox::Position position;
    while (position.sequence + 1 < log->next_sequence()) {
      const auto frame = log->next(position);
      const auto payload = frame ? log->read(*frame) : Status(Code::not_found, "");
      if (!payload) continue;
      const std::string body = payload->substr(frame->context_size);
      const std::uint64_t n = number_of(body);
      CHECK(body == body_of(n, body.size()));
      out.push_back(n);
    }
    return out;
  }
  std::vector<std::string> segment_files() {
    std::vector<std::string> out;
    for (const auto& entry : *files.list(kFolder))
      if (outbox::parse_segment_name(entry.name)) out.push_back(kFolder + ("/" + entry.name));
    return out;
  }

  testing::SimulatedLoop loop;
  testing::SeededRandom random;
  testing::SimulatedFiles files;
  std::uint64_t segment_size = 8192, most = 1 << 20;
  std::size_t reserve = 0;
  std::unique_ptr<outbox::FileLog> log;
};

}  // namespace collector
