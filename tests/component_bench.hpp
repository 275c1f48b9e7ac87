// A controller on virtual time with servers in memory: components under test run as in production.
#pragma once

#include <collector/engine/component.hpp>

#include "base/log.hpp"
#include "base/system_files.hpp"
#include "listening_network.hpp"
#include "manual_loop.hpp"
#include "model/series_table.hpp"
#include "net/memory_network.hpp"
#include "pipeline/controller.hpp"
#include "pipeline/until_stopped.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

namespace collector {

class CountingRandom final : public Random {
 public:
  std::uint64_t next() override {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_ = 1;
};

class LogLines final : public base::LogOutput {
 public:
  void write(std::string_view line) override { text += line; }
  std::string text;
};

/// One sample as a test sees it.
struct SeenSample {
  std::string series;
  std::int64_t ms = 0;
  double value = 0;
};

/// test.sink: keeps what it receives; answers as `outcome` says.
class TestSink final : public Sink<Metrics>, public AnyComponent {
 public:
  struct Args {
    static constexpr auto fields() { return std::tuple{}; }
  };
  struct Exports {
    MetricsReceiver receiver;
    static constexpr auto fields() {
      return std::tuple{attr<&Exports::receiver>("receiver", "Takes the samples.")};
    }
  };
  explicit TestSink(Context& context) : context_(context) {}
  Task<Status> run() override {
    co_await pipeline::until_stopped(context_.loop(), context_.stop());
    co_return Status();
  }
  Status update_any(const void*) override {
    const Exports exports{pipeline::make_receiver(context_.node(), *this)};
    pipeline::publish_exports(context_.node(), schema::describe<Exports>(), &exports);
    return {};
  }
  void consume(Metrics batch) override {
    ++batches;
    const MetricColumns& c = batch.columns();
    if (hold) return held.push_back(std::move(batch.ack));
    if (outcome.kind != Outcome::Kind::retry)
      for (std::size_t i = 0; i < c.series.size(); ++i)
        seen.push_back({context_.series().to_text(c.series[i]), c.timestamp[i], c.value[i]});
    if (outcome.kind != Outcome::Kind::retry) {
      histograms.insert(histograms.end(), c.histograms.begin(), c.histograms.end());
      exemplars.insert(exemplars.end(), c.exemplars.begin(), c.exemplars.end());
      metadata = c.metadata;
    }
    batch.ack.settle(outcome);
  }
  std::vector<SeenSample> of(const std::string& series) const {
    std::vector<SeenSample> out;
    for (const SeenSample& s : seen)
      if (s.series == series) out.push_back(s);
    return out;
  }

  std::vector<SeenSample> seen;
  std::vector<HistogramSample> histograms;
  std::vector<Exemplar> exemplars;
  std::shared_ptr<const std::vector<Metadata>> metadata;  ///< of the last batch
  std::size_t batches = 0;
  Outcome outcome;
  bool hold = false;
  std::vector<Ack> held;

 private:
  Context& context_;
};

class ComponentBench {
 public:
  /// `disk` outlives it; without one the files are the machine's.
  explicit ComponentBench(std::initializer_list<Definition> definitions,
                          std::string storage_path = {}, Files* disk = nullptr) {
    for (const Definition& d : definitions) registry_.add(d);
    registry_.add(define<TestSink>("test.sink", "Keeps samples for a test."));
    pipeline::Controller::Options options;
    options.storage_path = std::move(storage_path);
    controller = std::make_unique<pipeline::Controller>(
        Seams{loop, network, disk ? *disk : static_cast<Files&>(files), random}, registry_, log,
        options);
  }
  ~ComponentBench() {
    if (!stopped) stop(std::chrono::seconds(5));
    controller.reset();
    loop.settle();  // servers see that their clients are gone
  }

  void load(const std::string& text) {
    bool done = false;
    std::string problems;
    spawn(controller->load({{"test", text}}), [&](syntax::Diagnostics d) {
      for (const auto& one : d.list()) problems += syntax::to_line(one) + "\n";
      done = true;
    });
    for (int i = 0; i < 100 && !done; ++i) loop.advance(std::chrono::milliseconds(1));
    INFO(problems);
    REQUIRE(done);
    REQUIRE(problems.empty());
  }
  /// What the controller's stop said.
  bool stop(Duration within) {
    stopped = true;
    bool done = false, drained = false;
    spawn(controller->stop(loop.now() + within), [&](bool d) {
      done = true;
      drained = d;
    });
    for (Duration t{}; !done && t < within + std::chrono::seconds(2);
         t += std::chrono::milliseconds(10))
      loop.advance(std::chrono::milliseconds(10));
    REQUIRE(done);
    return drained;
  }
  pipeline::Node& node(const std::string& id) {
    pipeline::Node* found = controller->find(id);
    REQUIRE(found);
    return *found;
  }
  TestSink& sink(const std::string& id) { return dynamic_cast<TestSink&>(node(id).component()); }
  Sink<Metrics>& receiver(const std::string& id) {
    auto state =
        node(id).exports().object().find("receiver")->second.capsule_as<pipeline::ReceiverState>();
    REQUIRE(state);
    REQUIRE(state->sink);
    return *state->sink;
  }
  /// A series by its labels; it stays for the bench's life.
  SeriesId series(const StringMap& labels) {
    model::LabelsBuilder builder;
    for (const auto& [name, value] : labels) builder.set(name, value);
    return controller->series().intern(builder);
  }
  Metrics batch(std::uint64_t key, std::vector<SeenSample> samples) {
    auto columns = std::make_shared<MetricColumns>();
    columns->order_key = key;
    columns->lease = controller->series().lease();
    for (const SeenSample& s : samples) {
      columns->series.push_back(series({{"__name__", s.series}}));
      columns->timestamp.push_back(s.ms);
      columns->value.push_back(s.value);
    }
    return Metrics(std::move(columns), Ack());
  }
  /// Gives the batch to a component and says how it was settled.
  std::optional<Outcome> offer(const std::string& id, Metrics batch) {
    auto answer = std::make_shared<std::optional<Outcome>>();
    batch.ack = Ack(loop, [answer](Outcome outcome) { *answer = std::move(outcome); });
    receiver(id).consume(std::move(batch));
    loop.settle();
    return *answer;
  }
  double metric(const std::string& start) {
    std::string text;
    controller->metrics().write(text);
    double sum = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      if (line.rfind(start, 0) == 0) sum += std::stod(line.substr(line.rfind(' ') + 1));
      at = end + 1;
    }
    return sum;
  }

  ManualLoop loop;
  ListeningNetwork outside{loop};
  net::MemoryRoutes network{loop, outside};
  base::SystemFiles files;
  CountingRandom random;
  LogLines log;
  bool stopped = false;

 private:
  pipeline::Registry registry_;

 public:
  std::unique_ptr<pipeline::Controller> controller;
};

}  // namespace collector
