#include "net/http.hpp"

#include <fmt/format.h>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace collector::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_decode(std::string_view text, bool plus) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Status bad_url(std::string_view text, std::string_view why) {
  return Status(Code::invalid_argument, fmt::format("\"{}\" is no URL: {}", text, why));
}

}  // namespace

bool equal_fold(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

void Headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}
void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const auto& f) { return equal_fold(f.first, name); });
}
std::string_view Headers::get(std::string_view name) const {
  for (const auto& [n, v] : fields_)
    if (equal_fold(n, name)) return v;
  return {};
}
bool Headers::contains(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const auto& f) { return equal_fold(f.first, name); });
}

Result<Url> Url::parse(std::string_view text) {
  const std::string_view whole = text;
  for (const unsigned char c : text)
    if (c <= ' ' || c == 0x7f) return bad_url(whole, "it holds a space or control character");
  Url url;
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return bad_url(whole, "there is no scheme");
  for (const char c : text.substr(0, scheme)) url.scheme += lower(c);
  if (url.scheme != "http" && url.scheme != "https")
    return bad_url(whole, "the scheme is neither http nor https");
  text.remove_prefix(scheme + 3);
  const std::size_t end = text.find_first_of("/?#");
  std::string_view authority = text.substr(0, end);
  std::string_view rest = end == std::string_view::npos ? std::string_view() : text.substr(end);
  rest = rest.substr(0, rest.find('#'));
  url.target = rest.empty() || rest[0] != '/' ? "/" + std::string(rest) : std::string(rest);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view info = authority.substr(0, at);
    const std::size_t colon = info.find(':');
    url.user = percent_decode(info.substr(0, colon), false);
    if (colon != std::string_view::npos)
      url.password = percent_decode(info.substr(colon + 1), false);
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (!authority.empty() && authority[0] == '[') {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad_url(whole, "the bracket is not closed");
    url.host = std::string(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    if (!port.empty() && port[0] != ':') return bad_url(whole, "what follows the host is no port");
    if (!port.empty()) port.remove_prefix(1);
  } else {
    const std::size_t colon = authority.rfind(':');
    url.host = std::string(authority.substr(0, colon));
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
    if (url.host.find(':') != std::string::npos)
      return bad_url(whole, "an IPv6 address needs brackets");
  }
  if (url.host.empty()) return bad_url(whole, "there is no host");
  url.port = url.tls() ? 443 : 80;
  if (!port.empty()) {
    const auto r = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (r.ec != std::errc() || r.ptr != port.data() + port.size())
      return bad_url(whole, "the port is no number below 65536");
  }
  return url;
}

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls() ? 443 : 80) ? name : name + ":" + std::to_string(port);
}
std::string Url::origin() const {
  std::string text;
  text.reserve(scheme.size() + host.size() + 9);
  return text.append(scheme).append("://").append(host).append(":").append(std::to_string(port));
}
std::string Url::to_text() const { return scheme + "://" + authority() + target; }

std::string_view reason_phrase(int status) {
  const auto known = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(status)));
  if (known.empty() || known[0] == '<') return "Unknown";
  return {known.data(), known.size()};
}

std::string url_decode(std::string_view text) { return percent_decode(text, true); }

std::string url_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) ||
        std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::optional<std::string> query_value(std::string_view target, std::string_view name) {
  std::size_t at = target.find('?');
  while (at != std::string_view::npos) {
    target.remove_prefix(at + 1);
    const std::string_view pair = target.substr(0, target.find('&'));
    const std::size_t equals = pair.find('=');
    if (url_decode(pair.substr(0, equals)) == name)
      return equals == std::string_view::npos ? std::string() : url_decode(pair.substr(equals + 1));
    at = target.find('&');
  }
  return std::nullopt;
}

}  // namespace collector::net
