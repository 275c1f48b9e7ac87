// Targets to scrape and an endpoint that takes remote write 1.0 and 2.0, on one port and one
// thread: the other side of benchmarks/scrape_to_remote_write. Values change from scrape to scrape;
// with churn, a share of the series is new in each.
//
//   load_and_sink BODY TARGETS CHURN_PERCENT gzip|plain
//
//   GET  /t/N    the exposition of target N
//   POST /write  the endpoint
//   POST /down, POST /up  the endpoint answers 503, and as usual again
//   GET  /stats  what arrived so far, as JSON
//
// Prints its port. Ends with its standard input.
#include <collector/engine/seams.hpp>

#include "net/http_server.hpp"
#include "net/system_network.hpp"
#include "proto/remote_write_v1.hpp"
#include "proto/remote_write_v2.hpp"
#include "wire/arena.hpp"
#include "wire/compression.hpp"
#include "wire/reader.hpp"

#include <fmt/format.h>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using namespace collector;
namespace v1 = proto::remote_write_v1;
namespace v2 = proto::remote_write_v2;

constexpr std::size_t kVariants = 5;
constexpr std::string_view kAdded = "bench";  // the label that the rule under test adds

/// A body in pieces; between two of them stands the number of the scrape.
struct Variant {
  std::vector<std::string> pieces{1};
  std::string compressed;
};

/// The exposition with other values in two of five lines, as counters move on.
Variant variant_of(const std::string& body, std::size_t number, double churn_percent) {
  Variant made;
  double due = 0;
  std::size_t line_number = 0;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = std::min(body.find('\n', at), body.size());
    const std::string_view line(body.data() + at, end - at);
    at = end + 1;
    const std::size_t space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == std::string_view::npos) {
      made.pieces.back().append(line) += '\n';
      continue;
    }
    std::string_view series = line.substr(0, space);
    double value = std::strtod(std::string(line.substr(space + 1)).c_str(), nullptr);
    if (++line_number % 5 < 2) value += static_cast<double>(number * (line_number % 97 + 1));
    due += churn_percent / 100;
    if (due >= 1) {
      due -= 1;
      const bool labels = series.back() == '}';
      if (labels) series.remove_suffix(1);
      made.pieces.back().append(series) += labels ? ",generation=\"" : "{generation=\"";
      made.pieces.emplace_back("\"}");
    } else {
      made.pieces.back().append(series);
    }
    made.pieces.back() += fmt::format(" {}\n", value);
  }
  return made;
}

class Targets {
 public:
  Targets(const std::string& body, std::size_t targets, double churn_percent, bool gzip)
      : gzip_(gzip), scrapes_(targets) {
    for (std::size_t i = 0; i < kVariants; ++i) {
      variants_.push_back(variant_of(body, i, churn_percent));
      if (gzip && variants_.back().pieces.size() == 1)
        variants_.back().compressed = wire::gzip(variants_.back().pieces[0], 1);
    }
  }

  net::Response scrape(std::size_t target) {
    if (target >= scrapes_.size()) return {404, {}, "", {}};
    const std::size_t turn = scrapes_[target]++;
    const Variant& variant = variants_[(turn + target) % kVariants];
    net::Response answer;
    answer.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    if (gzip_) answer.headers.add("Content-Encoding", "gzip");
    if (!variant.compressed.empty()) {
      answer.body = variant.compressed;
      return answer;
    }
    const std::string generation = std::to_string(turn);
    for (std::size_t i = 0; i < variant.pieces.size(); ++i) {
      if (i > 0) answer.body += generation;
      answer.body += variant.pieces[i];
    }
    if (gzip_) answer.body = wire::gzip(answer.body, 1);
    return answer;
  }

 private:
  bool gzip_;
  std::vector<std::size_t> scrapes_;
  std::vector<Variant> variants_;
};

class Endpoint {
 public:
  net::Response write(const net::Request& request) {
    if (down_) return {503, {}, "down", {}};
    Reservation charge = budget_.charge(0, "body");
    const auto body = wire::snappy_uncompress(request.body, 256U << 20, charge);
    if (!body) return {400, {}, body.error().what(), {}};
    const bool second = request.headers.get("Content-Type").find("write.v2") != std::string::npos;
    arena_.reset();
    if (second ? !take_v2(*body) : !take_v1(*body)) return {400, {}, "not a request", {}};
    ++requests_;
    bytes_ += request.body.size();
    net::Response answer{204, {}, "", {}};
    if (second) {
      answer.headers.add("X-Prometheus-Remote-Write-Samples-Written", std::to_string(in_request_));
      answer.headers.add("X-Prometheus-Remote-Write-Histograms-Written", "0");
      answer.headers.add("X-Prometheus-Remote-Write-Exemplars-Written", "0");
    }
    return answer;
  }
  void set_down(bool down) { down_ = down; }
  std::string stats() const {
    return fmt::format(R"({{"samples":{},"labelled":{},"stale":{},"requests":{},"bytes":{}}})"
                       "\n",
                       samples_, labelled_, stale_, requests_, bytes_);
  }

 private:
  template <class Samples>
  void count(const Samples& samples, bool labelled) {
    for (const auto& sample : samples) {
      ++in_request_;
      ++samples_;
      labelled_ += labelled;
      stale_ += std::bit_cast<std::uint64_t>(sample.value) == kStale;
    }
  }
  bool take_v1(std::string_view body) {
    v1::WriteRequest request;
    if (wire::decode(body, request, arena_) != wire::DecodeError::none) return false;
    in_request_ = 0;
    for (const v1::TimeSeries& series : request.timeseries) {
      bool labelled = false;
      for (const v1::Label& label : series.labels) labelled |= label.name == kAdded;
      count(series.samples, labelled);
    }
    return true;
  }
  bool take_v2(std::string_view body) {
    v2::Request request;
    if (wire::decode(body, request, arena_) != wire::DecodeError::none) return false;
    in_request_ = 0;
    std::vector<std::string_view> symbols(request.symbols.begin(), request.symbols.end());
    for (const v2::TimeSeries& series : request.timeseries) {
      bool labelled = false;
      std::size_t i = 0;
      for (const std::uint32_t ref : series.labels_refs)
        if (i++ % 2 == 0) labelled |= ref < symbols.size() && symbols[ref] == kAdded;
      count(series.samples, labelled);
    }
    return true;
  }

  static constexpr std::uint64_t kStale = 0x7ff0000000000002;
  Budget budget_;
  bool down_ = false;
  wire::Arena arena_;
  std::uint64_t samples_ = 0, labelled_ = 0, stale_ = 0, requests_ = 0, bytes_ = 0, in_request_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s BODY TARGETS CHURN_PERCENT gzip|plain\n", argv[0]);
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string body{std::istreambuf_iterator<char>(file), {}};
  Targets targets(body, std::strtoull(argv[2], nullptr, 10), std::strtod(argv[3], nullptr),
                  std::string_view(argv[4]) == "gzip");
  Endpoint endpoint;
  net::SystemLoop loop;
  net::SystemNetwork network(loop);
  const auto answer = [&](net::Request request) -> Task<net::Response> {
    const std::string_view path = request.target;
    if (path.starts_with("/t/"))
      co_return targets.scrape(std::strtoull(path.substr(3).data(), nullptr, 10));
    if (path == "/write") co_return endpoint.write(request);
    if (path == "/stats") co_return net::Response{200, {}, endpoint.stats(), {}};
    if (path != "/down" && path != "/up") co_return net::Response{404, {}, "", {}};
    endpoint.set_down(path == "/down");
    co_return net::Response{200, {}, "", {}};
  };
  net::HttpServer::Options options;
  options.max_body = 256U << 20;
  options.max_connections = 16384;
  net::HttpServer server(loop, answer, options);
  auto listener = network.listen("127.0.0.1", 0);
  if (!listener) {
    std::fprintf(stderr, "%s\n", listener.error().what().c_str());
    return 1;
  }
  server.serve(std::move(*listener));
  std::printf("%d\n", server.port());
  std::fflush(stdout);
  boost::asio::posix::stream_descriptor input(loop.context(), 0);
  input.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [&](const auto&) { loop.stop(); });
  loop.run();
}
