#include "facade/embedded.hpp"

#include "base/system_files.hpp"
#include "facade/builtin.hpp"
#include "format/scrape_cache.hpp"
#include "net/system_loop.hpp"
#include "net/system_network.hpp"
#include "pipeline/controller.hpp"

#include <pthread.h>
#include <unistd.h>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace collector::facade {
namespace {

constexpr Duration kPushLimit = std::chrono::seconds(5);
constexpr Duration kFlushPoll = std::chrono::milliseconds(1);
/// How much later than its deadline a loop may answer to a close before it counts as hanging.
constexpr Duration kPatience = std::chrono::milliseconds(60);

/// One answer from the loop to a waiting caller.
template <class T>
class Answer {
 public:
  void give(T value) {
    const std::lock_guard lock(mutex_);
    value_.emplace(std::move(value));
    ready_.notify_all();
  }
  std::optional<T> wait(Duration limit) {
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, limit, [&] { return value_.has_value(); });
    return std::move(value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<T> value_;
};

/// Starts a thread on which no signal of the host is ever delivered: its handlers run on its own
/// threads, and what it waits for with sigwait does not end the process here.
template <class F>
std::thread start_quiet_thread(F run) {
  sigset_t mask, before;
  sigfillset(&mask);
  // A fault of this thread itself is not held back.
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    sigdelset(&mask, fault);
  pthread_sigmask(SIG_SETMASK, &mask, &before);
  const auto restore = [&] { pthread_sigmask(SIG_SETMASK, &before, nullptr); };
  try {
    std::thread thread(std::move(run));
    restore();
    return thread;
  } catch (...) {
    restore();
    throw;
  }
}

class Quiet final : public base::LogOutput {
 public:
  void write(std::string_view) override {}
};

}  // namespace

/// Lives on the loop's thread; the thread holds it alive, so a caller that gives up leaves nothing
/// dangling.
struct Embedded::Worker {
  base::SystemFiles files;
  base::SystemRandom random;
  Quiet output;
  net::SystemLoop loop;
  net::SystemNetwork network{loop};
  Budget budget;
  pipeline::Controller controller{Seams{loop, network, files, random, budget}, builtin_components(),
                                  output, options()};
  std::thread thread;

  explicit Worker(std::uint64_t memory_limit) : budget(memory_limit) {}

  static pipeline::Controller::Options options() {
    pipeline::Controller::Options o;
    o.root_exports = true;
    return o;
  }

  Task<Status> load(std::string config) {
    std::vector<pipeline::SourceText> sources{{"config", std::move(config)}};
    auto diagnostics = co_await controller.load(sources);
    if (!diagnostics.has_errors()) co_return Status();
    co_return Status(Code::invalid_argument, syntax::to_drawings(diagnostics));
  }

  void push(const std::string& name, std::string text, Function<void(Status)> done) {
    const auto state = controller.exported_receiver(name);
    if (!state) return done(Status(Code::not_found, "no receiver is exported as \"" + name + "\""));
    if (!state->sink) return done(Status(Code::unavailable, "the receiver has left"));
    auto columns = std::make_shared<MetricColumns>();
    format::ScrapeSettings settings;
    settings.honor_labels = true;
    format::ScrapeCache cache(controller.series(), random.next());
    const auto parsed = cache.scrape(text, settings, loop.wall().unix_ms(), *columns);
    if (!parsed) return done(parsed.error());
    Ack ack(loop, [done = std::move(done)](Outcome outcome) mutable {
      if (outcome.kind == Outcome::Kind::retry)
        return done(Status(Code::unavailable, std::move(outcome.reason)));
      if (outcome.kind == Outcome::Kind::rejected)
        return done(Status(Code::failed_precondition, std::move(outcome.reason)));
      done(Status());
    });
    state->sink->consume(Metrics(std::move(columns), std::move(ack)));
  }

  /// Samples that no endpoint has; `lost`: and no disk either.
  std::uint64_t waiting(bool lost = false) const {
    std::uint64_t n = 0;
    for (pipeline::Node* node : controller.nodes())
      for (const auto& [name, ledger] : node->component().ledgers())
        if (!lost || !ledger.durable) n += ledger.waiting;
    return n;
  }

  Task<Status> flush(Duration timeout) {
    const Instant deadline = loop.now() + timeout;
    for (;;) {
      for (pipeline::Node* node : controller.nodes()) node->component().flush();
      if (waiting() == 0) co_return Status();
      if (loop.now() >= deadline)
        co_return Status(Code::deadline_exceeded,
                         std::to_string(waiting()) + " samples are not delivered");
      const bool slept = co_await sleep_for(loop, kFlushPoll, {});
      (void)slept;
    }
  }

  Task<Status> close(Duration timeout) {
    const bool drained = co_await controller.stop(loop.now() + timeout);
    const std::uint64_t left = waiting(true);
    if (drained && left == 0) co_return Status();
    co_return Status(Code::deadline_exceeded, std::to_string(left) + " samples are not delivered");
  }
};

Embedded::Embedded(std::uint64_t memory_limit)
    : worker_(std::make_shared<Worker>(memory_limit)), process_(::getpid()) {}
Embedded::~Embedded() { (void)close(std::chrono::seconds(1)); }

namespace {

/// Runs `make(worker)`, a Task<Status>, on the loop and waits for its end; nothing when it takes
/// longer than `limit`.
template <class W, class Make>
std::optional<Status> ask_for(const std::shared_ptr<W>& worker, Duration limit, Make make) {
  auto answer = std::make_shared<Answer<Status>>();
  worker->loop.post([worker, answer, make = std::move(make)]() mutable {
    spawn(make(*worker), [answer](Status status) { answer->give(std::move(status)); });
  });
  return answer->wait(limit);
}

template <class W, class Make>
Status ask(const std::shared_ptr<W>& worker, Duration limit, Make make) {
  auto status = ask_for(worker, limit, std::move(make));
  return status ? std::move(*status)
                : Status(Code::deadline_exceeded, "the collector did not answer in time");
}

}  // namespace

Result<std::unique_ptr<Embedded>> Embedded::open(const std::string& config,
                                                 std::uint64_t memory_limit) {
  std::unique_ptr<Embedded> made(new Embedded(memory_limit));
  made->worker_->thread = start_quiet_thread([worker = made->worker_] { worker->loop.run(); });
  const Status status =
      ask(made->worker_, std::chrono::hours(1), [config](Worker& w) { return w.load(config); });
  if (!status.ok()) return status;
  return made;
}

bool Embedded::forked() const { return ::getpid() != process_; }

Status Embedded::push_metrics(const std::string& export_name, std::string text) {
  if (!worker_) return Status(Code::cancelled, "closed");
  auto held = worker_->budget.reserve(text.size(), "pushed_text");
  if (!held) return held.error();
  auto answer = std::make_shared<Answer<Status>>();
  worker_->loop.post([worker = worker_, answer, export_name, text = std::move(text),
                      held = std::move(*held)]() mutable {
    worker->push(export_name, std::move(text),
                 [answer](Status status) { answer->give(std::move(status)); });
  });
  auto status = answer->wait(kPushLimit);
  return status ? std::move(*status)
                : Status(Code::deadline_exceeded, "the pipeline took too long");
}

Status Embedded::flush(Duration timeout) {
  if (!worker_) return Status(Code::cancelled, "closed");
  return ask(worker_, timeout + kPushLimit, [timeout](Worker& w) { return w.flush(timeout); });
}

Status Embedded::reload(const std::string& config) {
  if (!worker_) return Status(Code::cancelled, "closed");
  return ask(worker_, std::chrono::hours(1), [config](Worker& w) { return w.load(config); });
}

Status Embedded::close(Duration timeout) {
  if (!worker_) return {};
  auto worker = std::exchange(worker_, nullptr);
  if (!worker->thread.joinable()) return {};  // it could not be started
  // The loop answers at its own deadline. One that is only slow is waited for: left behind, it
  // would still run when the process ends and takes away what it uses.
  const auto answer =
      ask_for(worker, timeout + kPatience, [timeout](Worker& w) { return w.close(timeout); });
  worker->loop.post([&loop = worker->loop] { loop.stop(); });
  // A thread that answers ends at once. One that hangs keeps what it uses and is left behind.
  if (answer)
    worker->thread.join();
  else
    worker->thread.detach();
  return answer ? *answer : Status(Code::deadline_exceeded, "the collector did not answer in time");
}

}  // namespace collector::facade
