// Many that ask for one credential: one fetch at a time, whoever stops, fails or comes too early.
#include "platform/credential_cache.hpp"
#include "catch.hpp"

#include <collector/engine/testing.hpp>

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct Bank {
  int fetches = 0;
  Duration takes = 100ms, lasts = 10min, early = 2min;
  Status fails;
};

class BankSource final : public platform::CredentialSource {
 public:
  BankSource(Loop& loop, Bank& bank) : loop_(loop), bank_(bank) {}
  Task<Result<platform::CloudCredential>> fetch(net::SendOptions options) override {
    using Credential = Result<platform::CloudCredential>;
    const int turn = ++bank_.fetches;
    const bool slept = co_await sleep_for(loop_, bank_.takes, options.stop);
    if (!slept) co_return Credential(Status(Code::cancelled, "stopped"));
    if (!bank_.fails.ok()) co_return Credential(bank_.fails);
    platform::CloudCredential c;
    c.token = std::to_string(turn);
    const WallTime now = loop_.wall();
    c.good_until({now.unix_ns + bank_.lasts.count()}, now, bank_.early);
    co_return Credential(std::move(c));
  }

 private:
  Loop& loop_;
  Bank& bank_;
};

struct Vault {
  testing::SimulatedLoop loop;
  Bank bank;
  platform::CredentialCache cache{loop, std::make_unique<BankSource>(loop, bank)};
  std::vector<std::string> got;

  void ask(std::stop_token stop = {}) {
    net::SendOptions options;
    options.stop = stop;
    spawn(cache.get(options), [this](Result<platform::CloudCredential> r) {
      got.push_back(r ? r->token : to_string(r.error()));
    });
  }
  std::vector<std::string> take() { return std::exchange(got, {}); }
};

using Tokens = std::vector<std::string>;

}  // namespace

TEST_CASE("one fetch for all who ask, and another one before it runs out") {
  Vault v;
  for (int i = 0; i < 5; ++i) v.ask();
  CHECK(v.take().empty());
  v.loop.run_for(100ms);
  CHECK(v.take() == Tokens{"1", "1", "1", "1", "1"});
  v.ask();
  CHECK(v.take() == Tokens{"1"});
  v.loop.run_for(8min);
  // One fetches a new one; nobody waits for that while the old one is good.
  v.ask();
  v.ask();
  CHECK(v.take() == Tokens{"1"});
  v.loop.run_for(100ms);
  CHECK(v.take() == Tokens{"2"});
  v.loop.run_for(20min);
  v.ask();
  v.ask();
  CHECK(v.take().empty());
  v.loop.run_for(100ms);
  CHECK(v.take() == Tokens{"3", "3"});
  CHECK(v.bank.fetches == 3);
}

TEST_CASE("a failure is everybody's for a second, then two, up to thirty") {
  Vault v;
  v.bank.fails = {Code::unavailable, "closed"};
  v.ask();
  v.ask();
  v.loop.run_for(100ms);
  CHECK(v.take() == Tokens{"unavailable: closed", "unavailable: closed"});
  v.ask();
  CHECK(v.take() == Tokens{"unavailable: closed"});
  CHECK(v.bank.fetches == 1);
  std::vector<int> after;
  for (int i = 0; i < 120; ++i) {
    const int before = v.bank.fetches;
    v.ask();
    if (v.bank.fetches > before) after.push_back(i);
    v.loop.run_for(1s);
  }
  // Pauses of 1, 2, 4, 8, 16, 30 and 30 s begin when a fetch of a tenth of a second has failed.
  CHECK(after == std::vector<int>{1, 4, 9, 18, 35, 66, 97});
  v.bank.fails = {};
  v.loop.run_for(30s);
  v.got.clear();
  v.ask();
  v.loop.run_for(100ms);
  CHECK(v.take() == Tokens{std::to_string(v.bank.fetches)});
  // While the old one is good a failure is nobody's.
  v.loop.run_for(9min);
  v.bank.fails = {Code::unavailable, "closed"};
  const std::string old = std::to_string(v.bank.fetches);
  v.ask();
  v.loop.run_for(100ms);
  v.ask();
  CHECK(v.take() == Tokens{old, old});
}

TEST_CASE("who stops does not stop the others") {
  Vault v;
  std::stop_source first, second;
  v.ask(first.get_token());
  v.ask(second.get_token());
  v.ask();
  v.loop.run_for(50ms);
  second.request_stop();
  CHECK(v.take() == Tokens{"cancelled: stopped"});
  first.request_stop();
  CHECK(v.take() == Tokens{"cancelled: stopped"});
  CHECK(v.bank.fetches == 2);  // the third took over
  v.loop.run_for(100ms);
  CHECK(v.take() == Tokens{"2"});
  v.loop.run_for(20min);
  v.ask(first.get_token());
  v.loop.run_for(1s);
  CHECK(v.take() == Tokens{"cancelled: stopped"});
}

TEST_CASE("what a server refused is dropped once a minute at most") {
  Vault v;
  CHECK_FALSE(v.cache.drop());
  v.ask();
  v.loop.run_for(59s);
  CHECK_FALSE(v.cache.drop());
  v.loop.run_for(2s);
  CHECK(v.cache.drop());
  CHECK_FALSE(v.cache.drop());
  v.ask();
  v.loop.run_for(1s);
  CHECK(v.take() == Tokens{"1", "2"});
}
