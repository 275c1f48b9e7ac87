// What the admin server shows and whom it answers.
#include "catch.hpp"

#include "admin/api.hpp"
#include "admin/html.hpp"
#include "admin/server.hpp"
#include "syntax/value.hpp"

#include <nlohmann/json.hpp>

using namespace collector;

TEST_CASE("hosts that a rebound name cannot fake") {
  auto f = [](const char* host, bool want) {
    INFO(host);
    CHECK(admin::is_own_host(host, "attic") == want);
  };
  f("127.0.0.1:12345", true);
  f("10.0.0.7", true);
  f("[::1]:12345", true);
  f("localhost:80", true);
  f("LOCALHOST", true);
  f("attic:12345", true);
  f("attic.evil.example", false);
  f("evil.example", false);
  f("1.2.3.4.evil.example", false);
  f("", false);
}

TEST_CASE("secrets are shown as such, in any depth") {
  using Capsule = std::shared_ptr<const syntax::Capsule>;
  syntax::Object inner;
  inner["password"] = syntax::Value(Capsule(std::make_shared<syntax::Secret>("hidden")));
  inner["open"] = syntax::Value(Capsule(std::make_shared<syntax::OptionalSecret>("seen", false)));
  inner["closed"] =
      syntax::Value(Capsule(std::make_shared<syntax::OptionalSecret>("hidden", true)));
  const std::string text =
      admin::shown(syntax::Value(syntax::Array{syntax::Value(std::move(inner))})).dump();
  CHECK(text.find("hidden") == std::string::npos);
  CHECK(text.find("seen") != std::string::npos);
  CHECK(text.find("(secret)") != std::string::npos);
}

TEST_CASE("markup in data stays text") {
  CHECK(admin::escape("http://u:p&q@h/") == "http://u:(secret)@h/");
  CHECK(admin::escape("<a href=\"x\">'&'</a>") ==
        "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

TEST_CASE("numbers for people") {
  CHECK(admin::short_number(0) == "0");
  CHECK(admin::short_number(1500) == "1.50k");
  CHECK(admin::short_number(23.456) == "23.5");
  CHECK(admin::short_bytes(1536) == "1.50 KiB");
  CHECK(admin::sparkline(std::vector<double>{1}) == "");
  CHECK(admin::sparkline(std::vector<double>{1, 2, NAN, 3}).find("<polyline") != std::string::npos);
}
