// kill -9 at random moments of a process that appends numbered requests, waits for their syncs and
// delivers, with the endpoint up, down and flapping: all that was said to be synced is delivered or
// still there, and nothing else is. KILLS says how often (default 40), SEED with which chance.
#include "log_bench.hpp"

#include "base/system_files.hpp"
#include "net/system_loop.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>

using namespace collector;
using namespace std::chrono_literals;

namespace {

enum class Endpoint : std::uint8_t { up, down, flapping };
constexpr std::size_t kRecord = 9;  // what happened, and the number

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

outbox::FileLog::Options options() {
  outbox::FileLog::Options o;
  o.destination = {"prometheus.remote_write.x", "e", "f", "http://h/", ""};
  o.segment_size = 64 << 10;
  o.most = 2 << 20;
  o.reserve = 4096;
  return o;
}

std::size_t size_of(std::uint64_t n) { return 40 + n * 2654435761 % 3000; }

/// The process that is killed. It says what it does on `out`: i, s, d and a number for issued,
/// synced and about to be delivered.
class Writer {
 public:
  Writer(int out, std::string folder, std::uint64_t next, Endpoint endpoint)
      : out_(out), folder_(std::move(folder)), next_(next), endpoint_(endpoint) {}
  [[noreturn]] void run() {
    auto opened = outbox::FileLog::open(loop_, files_, random_, folder_, options());
    if (!opened) ::_exit(3);
    log_ = std::move(*opened);
    loop_.post([this] { step(); });
    loop_.run();
    ::_exit(4);
  }

 private:
  void say(char what, std::uint64_t n) {
    char record[kRecord];
    record[0] = what;
    std::memcpy(record + 1, &n, 8);
    if (::write(out_, record, kRecord) != static_cast<ssize_t>(kRecord)) ::_exit(5);
  }
  void step() {
    std::vector<outbox::StoredFrame> group;
    for (std::uint64_t i = random_.below(4); i > 0 && syncing_ < 8; --i) {
      const std::uint64_t n = next_++;
      say('i', n);
      std::string buffer;
      outbox::Log::begin(buffer, "");
      buffer += body_of(n, size_of(n));
      outbox::Frame frame;
      frame.items = 1;
      frame.oldest_ms = frame.newest_ms = static_cast<std::int64_t>(n);
      if (auto stored = log_->append(frame, buffer)) group.push_back(*stored);
    }
    if (!group.empty()) {
      ++syncing_;
      log_->when_synced(group, {}, [this, group](const Status& s, std::uint64_t) {
        --syncing_;
        if (!s.ok()) ::_exit(6);
        for (const auto& f : group) say('s', static_cast<std::uint64_t>(f.oldest_ms));
      });
    }
    if (random_.below(50) == 0) is_up_ = !is_up_;
    const bool up = endpoint_ == Endpoint::up || (endpoint_ == Endpoint::flapping && is_up_);
    for (int i = 0; up && i < 4; ++i) {
      const auto frame = log_->next(position_);
      if (!frame) break;
      const auto payload = log_->read(*frame);
      const auto n = static_cast<std::uint64_t>(frame->oldest_ms);
      if (!payload || *payload != body_of(n, size_of(n))) ::_exit(7);
      say('d', n);
      log_->acknowledge(*frame);
    }
    loop_.arm(std::chrono::microseconds(random_.below(300)), [this] { step(); });
  }

  int out_;
  std::string folder_;
  std::uint64_t next_;
  Endpoint endpoint_;
  net::SystemLoop loop_;
  base::SystemFiles files_;
  base::SystemRandom random_;
  std::unique_ptr<outbox::FileLog> log_;
  outbox::Position position_;
  std::size_t syncing_ = 0;
  bool is_up_ = true;
};

struct Known {
  std::uint64_t next = 1;
  std::set<std::uint64_t> owed;  ///< synced, and not delivered
  std::vector<bool> delivered;
  std::uint64_t synced = 0, sent = 0, twice = 0;

  void take(char what, std::uint64_t n) {
    if (delivered.size() <= n) delivered.resize(n + 1024);
    if (what == 'i') next = n + 1;
    if (what == 's') {
      ++synced;
      if (!delivered[n]) owed.insert(n);
    }
    if (what == 'd') {
      ++sent;
      twice += delivered[n] ? 1 : 0;
      delivered[n] = true;
      owed.erase(n);
    }
  }
};

/// Starts a writer, kills it `life` after its start, or after the first that it said, and takes in
/// what it said until then.
void one_life(const std::string& folder, Known& known, Endpoint endpoint,
              std::chrono::microseconds life, bool from_first_word) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    Writer(ends[1], folder, known.next, endpoint).run();
  }
  ::close(ends[1]);
  auto end = std::chrono::steady_clock::now() + (from_first_word ? 5s : life);
  std::string said;
  char chunk[9000];
  for (bool killed = false;;) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
        end - std::chrono::steady_clock::now());
    if (!killed && left.count() <= 0) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    pollfd fd{ends[0], POLLIN, 0};
    const auto nanoseconds = std::clamp<long>(left.count() * 1000, 0, 999'999'999);
    const timespec wait{0, killed ? 999'999'999 : nanoseconds};
    if (::ppoll(&fd, 1, &wait, nullptr) <= 0) continue;
    const ssize_t n = ::read(ends[0], chunk, sizeof chunk);
    if (n <= 0) break;
    if (said.empty() && from_first_word) end = std::chrono::steady_clock::now() + life;
    said.append(chunk, static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  INFO("exit " << (WIFEXITED(status) ? WEXITSTATUS(status) : 0));
  REQUIRE(WIFSIGNALED(status));
  for (std::size_t at = 0; at + kRecord <= said.size(); at += kRecord) {
    std::uint64_t n = 0;
    std::memcpy(&n, said.data() + at + 1, 8);
    known.take(said[at], n);
  }
}

/// Opens the log as the next run would; what is owed is there, in order, and nothing was invented.
void check(const std::string& folder, Known& known, bool deliver) {
  testing::SimulatedLoop loop;
  base::SystemFiles files;
  base::SystemRandom random;
  auto log = outbox::FileLog::open(loop, files, random, folder, options());
  REQUIRE(log.has_value());
  CHECK((*log)->damage().frames == 0);
  outbox::Position position;
  std::set<std::uint64_t> there;
  std::uint64_t last = 0;
  while (const auto frame = (*log)->next(position)) {
    const auto n = static_cast<std::uint64_t>(frame->oldest_ms);
    const auto payload = (*log)->read(*frame);
    REQUIRE(payload.has_value());
    if (*payload != body_of(n, size_of(n)) || n >= known.next) FAIL("invented: " << n);
    if (n <= last) FAIL("order: " << n << " after " << last);
    there.insert(last = n);
    if (!deliver) continue;
    known.take('d', n);
    (*log)->acknowledge(*frame);
  }
  if (deliver) {
    CHECK(known.owed.empty());
  } else {
    for (const std::uint64_t n : known.owed)
      if (!there.contains(n)) FAIL("lost: " << n);
  }
}

}  // namespace

TEST_CASE("a writer that is killed at any moment loses nothing that was synced, invents nothing") {
  const std::uint64_t kills = setting("KILLS", 40), seed = setting("SEED", 1);
  testing::SeededRandom chance(seed);
  char root[] = "/tmp/collector-crash-XXXXXX";
  REQUIRE(::mkdtemp(root));
  const std::string folder = root + std::string("/log");
  Known known;
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t most_waiting = 0;
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const auto endpoint = static_cast<Endpoint>(kill / 5 % 3);
    const auto life =
        std::chrono::microseconds(chance.below(chance.below(8) == 0 ? 150'000 : 30'000));
    one_life(folder, known, endpoint, life, kill % 2 == 0);
    most_waiting = std::max<std::uint64_t>(most_waiting, known.owed.size());
    // Seldom, so that writers mostly open what a kill left.
    if (chance.below(20) == 0) check(folder, known, false);
  }
  check(folder, known, true);
  CHECK(known.synced > kills / 10);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << kills << " kills in " << took.count() << " s, seed " << seed << ": "
            << known.next - 1 << " issued, " << known.synced << " synced, " << known.sent
            << " deliveries, " << known.twice << " of them once more; at most " << most_waiting
            << " waited\n";
  std::filesystem::remove_all(root);
}
