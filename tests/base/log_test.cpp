#include "catch.hpp"

#include "base/log.hpp"
#include "manual_loop.hpp"

#include <nlohmann/json.hpp>

using namespace collector;

namespace {
struct Lines final : base::LogOutput {
  void write(std::string_view line) override { all.emplace_back(line); }
  std::vector<std::string> all;
};
}  // namespace

TEST_CASE("logfmt quotes what needs it") {
  ManualLoop loop;
  Lines lines;
  base::Logger log(loop, lines, base::LogFormat::logfmt, base::Level::info);
  log.with("component_id", "a.b").warn("two words", {{"err", "say \"no\"\nnow"}, {"n", "3"}});
  REQUIRE(lines.all.size() == 1);
  CHECK(lines.all[0] ==
        "ts=2023-11-14T22:30:00.000000000Z level=warn msg=\"two words\" component_id=a.b "
        "err=\"say \\\"no\\\"\\nnow\" n=3\n");
}

TEST_CASE("JSON lines are JSON whatever they carry") {
  ManualLoop loop;
  Lines lines;
  base::Logger log(loop, lines, base::LogFormat::json, base::Level::debug);
  log.debug("x",
            {{"bytes", std::string_view("\0\x01\"\\\n", 5)}, {"foreign", "h\xc3\xa9\xff\xc3"}});
  const auto parsed = nlohmann::json::parse(lines.all.at(0));
  CHECK(parsed["level"] == "debug");
  CHECK(parsed["bytes"] == std::string("\0\x01\"\\\n", 5));
  CHECK(parsed["foreign"] == "h\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("bytes that are no UTF-8 and passwords of URLs do not reach a line") {
  ManualLoop loop;
  Lines lines;
  base::Logger log(loop, lines, base::LogFormat::json, base::Level::info);
  log.info("x", {{"a", "\xff\xc3\xa4\xed\xa0\x80\xc0\xaf."}, {"b", "http://u:secret@h/p"}});
  const auto parsed = nlohmann::json::parse(lines.all.at(0));
  const std::string bad = "\xef\xbf\xbd";
  CHECK(parsed["a"] == bad + "\xc3\xa4" + bad + bad + bad + bad + bad + ".");
  CHECK(parsed["b"] == "http://u:(secret)@h/p");
}

TEST_CASE("repeats are held back and counted, other lines are not") {
  ManualLoop loop;
  Lines lines;
  base::Logger log(loop, lines, base::LogFormat::logfmt, base::Level::info);
  for (int i = 0; i < 100; ++i) log.error("again");
  log.error("something else");
  CHECK(lines.all.size() == 6);
  loop.advance(std::chrono::seconds(10));
  log.error("again");
  REQUIRE(lines.all.size() == 7);
  CHECK(lines.all.back().find("suppressed=95") != std::string::npos);
}

TEST_CASE("levels below the configured one cost nothing and say nothing") {
  ManualLoop loop;
  Lines lines;
  base::Logger log(loop, lines, base::LogFormat::logfmt, base::Level::warn);
  log.info("quiet");
  CHECK(lines.all.empty());
  base::Logger child = log.with("a", "b");
  log.configure(base::LogFormat::logfmt, base::Level::info);
  child.info("loud");
  CHECK(lines.all.size() == 1);
}
