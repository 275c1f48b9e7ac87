// query_response: what the tcp and unix probers say and expect (facts:
// prometheus/blackbox_exporter, prober/query_response.go).
#include "model/expand.hpp"
#include "receive/blackbox/probe.hpp"
#include "receive/unix/utf8.hpp"

#include <fmt/format.h>

namespace collector::receive::blackbox {
namespace {

/// A line, and what is read ahead of it, is no longer than this.
constexpr std::size_t kLongestLine = 64U << 10;

class Talk {
 public:
  Talk(Probe& probe, const Conversation& c, std::unique_ptr<Stream> stream, std::string name)
      : probe_(probe), config_(c), stream_(std::move(stream)), name_(std::move(name)) {}

  Task<bool> run() {
    if (!stream_) co_return false;
    if (config_.tls) {
      const bool secured = co_await encrypt();
      if (!secured) co_return false;
    }
    for (const QueryResponse& step : config_.steps) {
      const bool good = co_await take(step);
      if (!good) co_return false;
    }
    co_return true;
  }

  void write() {
    probe_.gauge("probe_failed_due_to_regex", "Indicates if probe failed due to regex",
                 failed_by_regex_ ? 1 : 0);
    probe_.gauge("probe_failed_due_to_bytes", "Indicates if probe failed due to bytes",
                 failed_by_bytes_ ? 1 : 0);
  }

 private:
  Task<bool> take(const QueryResponse& step) {
    std::string text = step.send;
    if (step.expect) {
      std::string line;
      const bool matched = co_await expect(step, line);
      if (!matched) co_return false;
      const auto groups = step.expect.groups_in(line);
      text = model::expand_go(text, *step.expect.regex, groups);
      write_labels(step, groups);
    }
    if (!step.expect_bytes.empty()) {
      const bool matched = co_await expect_bytes(step.expect_bytes);
      if (!matched) co_return false;
    }
    if (!text.empty()) {
      text += '\n';
      const Status sent = co_await stream_->write(std::as_bytes(std::span(text)), probe_.stop);
      if (!sent.ok()) co_return probe_.fails(sent);
    }
    if (!step.starttls) co_return true;
    const bool secured = co_await encrypt();
    co_return secured;
  }

  Task<bool> encrypt() {
    // What came in plain text before is no part of the encrypted conversation.
    ahead_.clear();
    auto secured = co_await secure(probe_, config_.tls_config, std::move(stream_), name_);
    if (!secured) co_return probe_.fails(secured.error());
    write_tls(probe_, (*secured)->peer_certificates(), true, false);
    stream_ = std::move(*secured);
    co_return true;
  }

  /// Reads lines until one matches, which is then in `line`.
  Task<bool> expect(const QueryResponse& step, std::string& line) {
    for (;;) {
      const Result<bool> more = co_await read_line(line);
      if (!more) co_return probe_.fails(more.error());
      if (!*more) {
        failed_by_regex_ = true;
        co_return probe_.fails("no line matches " + step.expect.text);
      }
      failed_by_regex_ = false;
      if (step.expect.found_in(line)) co_return true;
    }
  }

  /// The next line without its end; false when the peer has said all.
  Task<Result<bool>> read_line(std::string& line) {
    for (;;) {
      const std::size_t feed = ahead_.find('\n');
      if (feed != std::string::npos || (ended_ && !ahead_.empty())) {
        line = ahead_.substr(0, feed);
        ahead_.erase(0, feed == std::string::npos ? feed : feed + 1);
        if (line.ends_with('\r')) line.pop_back();
        co_return true;
      }
      if (ended_) co_return false;
      if (ahead_.size() >= kLongestLine)
        co_return Result<bool>(Status(Code::out_of_range, "a line is too long"));
      const Status read = co_await fill();
      if (!read.ok()) co_return Result<bool>(read);
    }
  }

  Task<bool> expect_bytes(const std::string& wanted) {
    while (ahead_.size() < wanted.size() && !ended_) {
      const Status read = co_await fill();
      if (!read.ok()) co_return probe_.fails(read);
    }
    if (ahead_.size() < wanted.size()) co_return probe_.fails("fewer bytes came than expected");
    failed_by_bytes_ = ahead_.compare(0, wanted.size(), wanted) != 0;
    if (failed_by_bytes_) co_return probe_.fails("other bytes came than expected");
    ahead_.erase(0, wanted.size());
    co_return true;
  }

  Task<Status> fill() {
    std::byte buffer[4096];
    const auto n = co_await stream_->read(buffer, probe_.stop);
    if (!n) co_return n.error();
    ended_ = *n == 0;
    ahead_.append(reinterpret_cast<const char*>(buffer), *n);
    co_return Status();
  }

  void write_labels(const QueryResponse& step, const std::vector<std::string_view>& groups) {
    if (step.labels.empty()) return;
    std::vector<std::string> values;
    std::vector<Label> labels;
    for (const ExpectLabel& label : step.labels)
      values.push_back(
          unix_host::valid_utf8(model::expand_go(label.value, *step.expect.regex, groups)));
    for (std::size_t i = 0; i < values.size(); ++i)
      labels.push_back({step.labels[i].name, values[i]});
    probe_.families.add("probe_expect_info", "gauge", "Explicit content matched", 1, labels);
  }

  Probe& probe_;
  const Conversation& config_;
  std::unique_ptr<Stream> stream_;
  std::string name_, ahead_;
  bool ended_ = false, failed_by_regex_ = false, failed_by_bytes_ = false;
};

}  // namespace

Task<bool> converse(Probe& probe, const Conversation& conversation, std::unique_ptr<Stream> stream,
                    std::string name) {
  Talk talk(probe, conversation, std::move(stream), std::move(name));
  const bool success = co_await talk.run();
  talk.write();
  co_return success;
}

}  // namespace collector::receive::blackbox
