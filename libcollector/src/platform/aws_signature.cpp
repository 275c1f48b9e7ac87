#include "platform/aws_signature.hpp"

#include "base/civil_time.hpp"
#include "base/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace collector::platform {
namespace {

/// What aws-sdk-go-v2 and prometheus/sigv4 leave out, Accept-Encoding, which their transport adds
/// later and proxies change, and Content-Length, which is not ours to say.
constexpr std::array<std::string_view, 9> kUnsigned{
    "authorization", "content-length", "expect",          "transfer-encoding", "uber-trace-id",
    "user-agent",    "connection",     "x-amzn-trace-id", "accept-encoding"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

/// As Go's path.Clean, but a final slash stays.
std::string clean_path(std::string_view path) {
  std::vector<std::string_view> kept;
  const bool slash = path.empty() || path.back() == '/';
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part == ".." && !kept.empty()) kept.pop_back();
    if (!part.empty() && part != "." && part != "..") kept.push_back(part);
  }
  std::string out;
  for (const std::string_view part : kept) out.append("/").append(part);
  if (slash || out.empty()) out += '/';
  return out;
}

std::string encode_path(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    out += net::url_encode(path.substr(0, end));
    if (end < path.size()) out += '/';
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

/// Names and values encoded anew, in the order of their bytes.
std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    pairs.emplace_back(
        net::url_encode(net::url_decode(pair.substr(0, equals))),
        net::url_encode(net::url_decode(pair.substr(std::min(equals + 1, pair.size())))));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs)
    out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
  return out;
}

/// Without blanks at the ends, and one where there are several.
std::string folded(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace

Status sign(net::Request& request, const AwsKeys& keys, const AwsScope& scope) {
  auto url = net::Url::parse(request.url);
  if (!url) return url.error();
  const std::size_t mark = std::min(url->target.find('?'), url->target.size());
  const std::string path = clean_path(std::string_view(url->target).substr(0, mark));
  const std::string query =
      canonical_query(std::string_view(url->target).substr(std::min(mark + 1, url->target.size())));
  url->target = query.empty() ? path : path + "?" + query;
  request.url = url->to_text();

  const std::string time = base::basic_utc(scope.time);
  request.headers.set("X-Amz-Date", time);
  request.headers.remove("X-Amz-Security-Token");
  if (!keys.session_token.empty()) request.headers.set("X-Amz-Security-Token", keys.session_token);

  std::map<std::string, std::string> headers{{"host", url->authority()}};
  for (const auto& [name, value] : request.headers.all()) {
    const std::string key = lower(name);
    if (key == "host" || std::find(kUnsigned.begin(), kUnsigned.end(), key) != kUnsigned.end())
      continue;
    const auto [at, first] = headers.try_emplace(key, folded(value));
    if (!first) at->second += "," + folded(value);
  }
  std::string lines, names;
  for (const auto& [name, value] : headers) {
    lines += fmt::format("{}:{}\n", name, value);
    names.append(names.empty() ? "" : ";").append(name);
  }

  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, encode_path(path), query, lines, names,
                  base::hex(base::sha256(request.body)));
  const std::string_view day = std::string_view(time).substr(0, 8);
  const std::string place = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const std::string text =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, place, base::hex(base::sha256(canonical)));
  std::string key = "AWS4" + keys.secret;
  for (const std::string_view part :
       {day, scope.region, scope.service, std::string_view("aws4_request")})
    key = base::hmac_sha256(key, part);
  request.headers.set(
      "Authorization",
      fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}", keys.key_id,
                  place, names, base::hex(base::hmac_sha256(key, text))));
  return {};
}

}  // namespace collector::platform
