// Modules of prometheus.exporter.blackbox: what prometheus/blackbox_exporter's CONFIGURATION.md
// says is taken, and what it does not say is refused with its place.
#include "catch.hpp"

#include "receive/blackbox/modules.hpp"

using namespace collector;
using namespace collector::receive::blackbox;

namespace {

Module module_of(const std::string& body) {
  auto modules = read_modules("modules:\n  m:\n" + body);
  INFO((modules ? std::string() : modules.error().what()));
  REQUIRE(modules.has_value());
  return modules->at("m");
}

/// The status of a module `m` whose text begins in line 3, column 5.
Status refusal(const std::string& body) {
  auto modules = read_modules("modules:\n  m:\n" + body);
  return modules ? Status() : modules.error();
}

std::string wrong(const std::string& body) {
  const Status status = refusal(body);
  CHECK(status.code() == Code::invalid_argument);
  return status.what();
}

std::string lacking(const std::string& body) {
  const Status status = refusal(body);
  CHECK(status.code() == Code::unimplemented);
  return status.what();
}

}  // namespace

TEST_CASE("blackbox: defaults are those of the other exporter") {
  const Module m = module_of("    prober: http\n");
  CHECK(m.timeout == Duration{});
  CHECK(m.http.method == "GET");
  CHECK(m.http.address.prefers_ip6());
  CHECK(m.http.address.ip_protocol_fallback);
  CHECK(m.http.follows_redirects());
  CHECK(m.http.client.enable_http2);
  CHECK(m.icmp.ttl == 64);
  CHECK(m.dns.query_type == "ANY");
  CHECK(m.dns.transport_protocol == "udp");
  CHECK(m.dns.recursion_desired);
  CHECK(!m.dns.valid_rcodes);
}

TEST_CASE("blackbox: a module's fields arrive") {
  const Module m = module_of(R"(    prober: http
    timeout: 1m30s
    http:
      valid_status_codes: [200, 0x194]
      preferred_ip_protocol: ip4
      ip_protocol_fallback: no
      headers: {Host: x.test, "X-N": 5}
      http_headers:
        X-Key: {values: [a], secrets: [b], files: [/c]}
      body_size_limit: 10MB
      no_follow_redirects: true
      fail_if_header_matches:
        - header: Set-Cookie
          regexp: '^(?<name>.*)$'
      basic_auth: {username_file: /u, password: p}
      proxy_url: http://proxy.test:3128
      proxy_connect_header: {X-P: [one, two]}
      tls_config: {max_version: TLS12, ca: pem}
)");
  CHECK(m.timeout == std::chrono::seconds(90));
  CHECK(m.http.valid_status_codes == std::vector<std::int64_t>{200, 404});
  CHECK(!m.http.address.prefers_ip6());
  CHECK(!m.http.address.ip_protocol_fallback);
  CHECK(m.http.headers.at("X-N") == "5");
  const HeaderSources& key = m.http.client.http_headers.at("X-Key");
  CHECK(key.texts == std::vector<SecretText>{SecretText("a"), SecretText("b")});
  CHECK(key.files == std::vector<std::string>{"/c"});
  CHECK(m.http.limit() == 10 << 20);
  CHECK(!m.http.follows_redirects());
  REQUIRE(m.http.fail_if_header_matches.size() == 1);
  CHECK(m.http.fail_if_header_matches[0].regexp.groups_in("ab").at(1) == "ab");
  CHECK(m.http.client.basic_auth->username_file == "/u");
  CHECK(m.http.client.has_proxy());
  CHECK(m.http.client.proxy.proxy_connect_header.at("X-P").size() == 2);
  CHECK(m.http.client.tls.max_version == "TLS12");
}

TEST_CASE("blackbox: conversations, with bytes that are no text") {
  const Module m = module_of(R"(    prober: tcp
    tcp:
      query_response:
        - send: !!binary AAAACATSFi8=
        - expect_bytes: S
        - starttls: true
        - expect: "OK (.*)$"
          labels:
            - {name: said, value: "${1}"}
)");
  const auto& steps = m.tcp.conversation.steps;
  REQUIRE(steps.size() == 4);
  CHECK(steps[0].send == std::string("\0\0\0\x08\x04\xD2\x16\x2F", 8));
  CHECK(steps[2].starttls);
  CHECK(steps[3].labels.at(0).name == "said");
}

TEST_CASE("blackbox: anchors and merge keys") {
  auto modules = read_modules(R"(modules:
  a: &a {prober: icmp, timeout: 2s, icmp: {ttl: 3}}
  b: {<<: *a, timeout: 3s}
  c: {<<: [{timeout: 4s}, *a]}
)");
  REQUIRE(modules.has_value());
  CHECK(modules->at("b").icmp.ttl == 3);
  CHECK(modules->at("b").timeout == std::chrono::seconds(3));
  CHECK(modules->at("c").timeout == std::chrono::seconds(4));
  CHECK(modules->at("c").prober == "icmp");
}

TEST_CASE("blackbox: what is wrong is said with its place, all at once") {
  CHECK(wrong("    prober: http\n    http: {metod: GET}\n    tcp: {tls: maybe}\n") ==
        "line 4, column 12: http has no field \"metod\"; line 5, column 16: tls should be bool");
  CHECK(wrong("    prober: nntp\n") == "line 3, column 13: prober: prober 'nntp' is not valid");
  CHECK(wrong("    timeout: 5s\n").find("needs prober") != std::string::npos);
  CHECK(wrong("    prober: tcp\n    prober: tcp\n") ==
        "line 4, column 5: module \"m\" has \"prober\" twice");
  CHECK(wrong("    prober: http\n    timeout: soon\n").find("line 4, column 14: timeout") == 0);
  CHECK(wrong("    prober: http\n    http: [1]\n").find("http should be a mapping") !=
        std::string::npos);
  CHECK(wrong("    prober: http\n    http: {fail_if_body_matches_regexp: ['(']}\n")
            .find("line 4, column 41") == 0);
  CHECK(wrong("    prober: http\n    http: {fail_if_header_matches: [{header: X}]}\n")
            .find("needs regexp") != std::string::npos);
  CHECK(wrong("    prober: dns\n    dns: {query_type: A}\n").find("needs query_name") !=
        std::string::npos);
  CHECK(
      wrong("    prober: dns\n    dns: {query_name: x, query_type: B}\n").find("query type 'B'") !=
      std::string::npos);
  CHECK(wrong("    prober: dns\n    dns: {query_name: x, dns_over_tls: true}\n").find("tcp") !=
        std::string::npos);
  CHECK(wrong("    prober: icmp\n    icmp: {ttl: 256}\n").find("255") != std::string::npos);
  CHECK(wrong("    prober: http\n    http: {body: a, body_file: b}\n").find("body_file") !=
        std::string::npos);
  CHECK(wrong("    prober: http\n    http: {bearer_token: a, basic_auth: {username: b}}\n")
            .find("at most one") != std::string::npos);
  CHECK(wrong("    prober: http\n    http: {http_headers: {X: {valves: [a]}}}\n").find("valves") !=
        std::string::npos);
  CHECK(wrong("    prober: tcp\n    tcp: {query_response: [{expect: a, expect_bytes: b}]}\n")
            .find("mutually exclusive") != std::string::npos);
  CHECK(read_modules("modules: {}\nmodule: {}\n").error().what() ==
        "line 2, column 1: the configuration has no field \"module\"");
  CHECK(read_modules("modules:\n  a: {\n").error().what().find("line 3") == 0);
}

TEST_CASE("blackbox: what is not there is refused as lacking") {
  CHECK(lacking("    prober: websocket\n").find("websocket") != std::string::npos);
  CHECK(lacking("    prober: http\n    http: {enable_http3: true, enable_http2: false}\n")
            .find("HTTP/3") != std::string::npos);
  CHECK(refusal("    prober: http\n    http: {enable_http3: false}\n").ok());
  CHECK(lacking("    prober: http\n    http: {compression: br}\n").find("brotli") !=
        std::string::npos);
  CHECK(lacking("    prober: http\n    http: {fail_if_body_json_matches_cel: 'true'}\n")
            .find("CEL") != std::string::npos);
}

TEST_CASE("blackbox: a compression must be acceptable") {
  // The cases of the page, and weights.
  CHECK(accepts_encoding("gzip", "br, gzip"));
  CHECK(accepts_encoding("gzip", "br;q=1.0, gzip;q=0.9"));
  CHECK(!accepts_encoding("gzip", "br, identity"));
  CHECK(accepts_encoding("gzip", "*"));
  CHECK(!accepts_encoding("gzip", "gzip;q=0"));
  CHECK(!accepts_encoding("gzip", "gzip;q=0.0"));
  CHECK(accepts_encoding("gzip", "gzip; q=.5"));
  CHECK(accepts_encoding("", "br"));
  CHECK(accepts_encoding("gzip", ""));
  CHECK(wrong("    prober: http\n    http: {compression: gzip, headers: {accept-encoding: br}}\n")
            .find("invalid configuration") != std::string::npos);
}
