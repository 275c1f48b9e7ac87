// Cases and signatures of AWS's published test suite for Signature Version 4, and remote write
// requests that botocore 1.44 signed.
#include "platform/aws_signature.hpp"
#include "catch.hpp"

#include <vector>

using namespace collector;

namespace {

constexpr WallTime kTime{1440938160'000'000'000};  // 20150830T123600Z
using Fields = std::vector<std::pair<std::string, std::string>>;

struct Signed {
  std::string url, authorization, signature;
};

Signed sign(net::Request request, const std::string& token = "",
            platform::AwsScope scope = {"us-east-1", "service", kTime}) {
  const Status s = platform::sign(
      request, {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token}, scope);
  REQUIRE(s.ok());
  CHECK(request.headers.get("X-Amz-Date") == "20150830T123600Z");
  CHECK(request.headers.get("X-Amz-Security-Token") == token);
  const std::string all(request.headers.get("Authorization"));
  return {request.url, all, all.substr(all.rfind('=') + 1)};
}

net::Request request(std::string method, std::string target, const Fields& fields = {},
                     std::string body = "", std::string origin = "https://example.amazonaws.com") {
  net::Request r;
  r.method = std::move(method);
  r.url = origin + target;
  for (const auto& [name, value] : fields) r.headers.add(name, value);
  r.body = std::move(body);
  return r;
}

}  // namespace

TEST_CASE("AWS's published signatures") {
  const auto f = [](const char* target, const char* signature, const Fields& fields = {},
                    const char* method = "GET", const char* body = "") {
    INFO(target);
    CHECK(sign(request(method, target, fields, body)).signature == signature);
  };
  constexpr const char* kVanilla =
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
  f("/", kVanilla);
  f("", kVanilla);
  f("/example/..", kVanilla);
  f("/example1/example2/../..", kVanilla);
  f("/./", kVanilla);
  f("//", kVanilla);
  f("/./example", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5");
  f("//example//", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84");
  f("/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
  f("/\u1234", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
  f("/?Param1=value1", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb");
  f("/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
    "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac");
  f("/?Param2=value2&Param1=value1",
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  f("/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197");
  f("/?\u1234=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04");
  f("/", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}});
  f("/", "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd",
    {{"My-Header1", "value1\n  value2\n     value3"}});
  f("/", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    {{"My-Header1", "value4"},
     {"My-Header1", "value1"},
     {"My-Header1", "value3"},
     {"My-Header1", "value2"}});
  f("/", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}});
  f("/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", {}, "POST");
  f("/?Param1=value1", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11", {},
    "POST");
  f("/", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    {{"My-Header1", "value1"}}, "POST");
  f("/", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    {{"My-Header1", "VALUE1"}}, "POST");
  // The suite of 2015, with a body and without X-Amz-Content-Sha256.
  f("/", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    {{"Content-Type", "application/x-www-form-urlencoded"}}, "POST", "Param1=value1");
  CHECK(
      sign(request("GET", "/"), "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267")
          .signature == "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8");
  CHECK(sign(request("POST", "/"),
             "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicR"
             "XmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsbu"
             "rEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPP"
             "kUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==")
            .signature == "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
}

TEST_CASE("remote write requests as botocore signs them") {
  const Fields fields{{"Content-Encoding", "snappy"},
                      {"Content-Type", "application/x-protobuf"},
                      {"X-Prometheus-Remote-Write-Version", "0.1.0"},
                      {"User-Agent", "libcollector"},
                      {"Accept-Encoding", "gzip"}};  // which what is between may change
  const std::string body("\x00\x01samples\xff", 10);
  const auto aps = request("POST", "/workspaces/ws-1f2e/api/v1/remote_write", fields, body,
                           "https://aps-workspaces.eu-central-1.amazonaws.com");
  const Signed plain = sign(aps, "", {"eu-central-1", "aps", kTime});
  CHECK(plain.authorization ==
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/aps/aws4_request, "
        "SignedHeaders=content-encoding;content-type;host;x-amz-date;"
        "x-prometheus-remote-write-version, "
        "Signature=6fe025cab399cb8078218b9e7b216ee7b56d2250fe4161ebe064185929370949");
  CHECK(sign(aps, "a/session+token==", {"eu-central-1", "aps", kTime}).signature ==
        "186f6622f559a3d5a6199b3a8d3a48c84beefe6d739f2fd273f6ac95cfaa06c8");
  const Signed other = sign(request("POST", "/x/../a%20b//write?z=1&a=x%2Fy&a=b+c", fields, "",
                                    "https://metrics.example.com:8443"),
                            "", {"us-east-1", "execute-api", kTime});
  CHECK(other.signature == "a68b0e60f98a676702a9e7275b3098316962dd6f9ffaf87d9685e77ef66af716");
  // What is signed is what is sent.
  CHECK(other.url == "https://metrics.example.com:8443/a%20b/write?a=b%20c&a=x%2Fy&z=1");
}
