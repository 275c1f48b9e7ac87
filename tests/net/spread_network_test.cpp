// One connection goes to one address of a name, each address gets its share.
#include "net/spread_network.hpp"

#include <collector/engine/testing.hpp>

#include "catch.hpp"

#include <map>

using namespace collector;

namespace {

/// Has four addresses for one name; nobody answers at any.
struct Names final : Network {
  Task<Result<std::unique_ptr<Stream>>> connect(std::string host, std::uint16_t,
                                                std::stop_token) override {
    ++dialled[host];
    co_return Result<std::unique_ptr<Stream>>(Status(Code::unavailable, "refused"));
  }
  Result<std::unique_ptr<Listener>> listen(const std::string&, std::uint16_t) override {
    return Status(Code::unimplemented, "no listeners");
  }
  Task<Result<std::vector<DnsRecord>>> resolve(std::string, RecordType, std::stop_token) override {
    co_return Result<std::vector<DnsRecord>>(Status(Code::not_found, "no DNS"));
  }
  Task<Result<std::vector<std::string>>> addresses(std::string host, std::stop_token) override {
    if (host != "many") co_return Result<std::vector<std::string>>(Status(Code::not_found, "?"));
    co_return Result<std::vector<std::string>>(
        std::vector<std::string>{"10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::4"});
  }
  Result<std::shared_ptr<void>> watch(const std::string&, Function<void()>) override {
    return Status(Code::unimplemented, "no watches");
  }
  std::map<std::string, int> dialled;
};

}  // namespace

TEST_CASE("connections are spread over the addresses of a name") {
  Names names;
  testing::SeededRandom random(5);
  net::SpreadNetwork spread(names, random);
  const auto dial = [&](const char* host) {
    spawn(spread.connect(host, 80, {}), [](Result<std::unique_ptr<Stream>> r) { CHECK(!r); });
  };
  for (int i = 0; i < 400; ++i) dial("many");
  CHECK(names.dialled.size() == 4);
  for (const auto& [address, n] : names.dialled) CHECK(n > 60);
  dial("other");
  CHECK(names.dialled["other"] == 1);
}
