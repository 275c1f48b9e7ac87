#include "receive/blackbox/cookies.hpp"

#include "receive/blackbox/http_date.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace collector::receive::blackbox {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// RFC 6265, 5.1.3.
bool within(std::string_view host, std::string_view domain) {
  if (host == domain) return true;
  const bool name = host.find(':') == std::string_view::npos &&
                    host.find_first_not_of("0123456789.") != std::string_view::npos;
  return name && host.size() > domain.size() && host.ends_with(domain) &&
         host[host.size() - domain.size() - 1] == '.';
}

std::string_view path_of(const net::Url& url) {
  return std::string_view(url.target).substr(0, url.target.find('?'));
}

/// RFC 6265, 5.1.4.
bool below(std::string_view path, std::string_view of) {
  if (!path.starts_with(of)) return false;
  return path.size() == of.size() || of.ends_with('/') || path[of.size()] == '/';
}

}  // namespace

void Cookies::take(const net::Url& from, const net::Headers& answer, WallTime now) {
  for (const auto& [name, value] : answer.all())
    if (net::equal_fold(name, "Set-Cookie")) set(from, value, now);
}

void Cookies::set(const net::Url& from, std::string_view text, WallTime now) {
  const std::string_view pair = text.substr(0, text.find(';'));
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return;
  Cookie cookie;
  cookie.name = trimmed(pair.substr(0, equals));
  cookie.value = trimmed(pair.substr(equals + 1));
  if (cookie.name.empty()) return;
  cookie.domain = lower(from.host);
  const std::string_view path = path_of(from);
  cookie.path = path.rfind('/') == 0 ? "/" : path.substr(0, path.rfind('/'));
  bool gone = false;
  bool has_age = false;
  for (std::size_t at = pair.size(); at < text.size();) {
    const std::size_t end = std::min(text.find(';', at + 1), text.size());
    const std::string_view attribute = text.substr(at + 1, end - at - 1);
    at = end;
    const std::size_t split = std::min(attribute.find('='), attribute.size());
    const std::string name = lower(trimmed(attribute.substr(0, split)));
    std::string_view value = trimmed(attribute.substr(std::min(split + 1, attribute.size())));
    if (name == "secure") cookie.secure = true;
    if (name == "path" && value.starts_with('/')) cookie.path = value;
    if (name == "domain" && !value.empty()) {
      if (value.starts_with('.')) value.remove_prefix(1);
      const std::string domain = lower(value);
      // A name without a dot is all hosts below a top level, which nobody may set cookies for.
      if (domain != cookie.domain &&
          (domain.find('.') == std::string::npos || !within(cookie.domain, domain)))
        return;
      cookie.domain = domain;
      cookie.host_only = false;
    }
    if (name == "max-age") {
      std::int64_t seconds = 0;
      const auto r = std::from_chars(value.data(), value.data() + value.size(), seconds);
      has_age = r.ec == std::errc();
      if (has_age) gone = seconds <= 0;
    }
    if (name == "expires" && !has_age)
      if (const auto date = http_date(value)) gone = *date <= now.unix_ns / 1'000'000'000;
  }
  std::erase_if(all_, [&](const Cookie& c) {
    return c.name == cookie.name && c.domain == cookie.domain && c.path == cookie.path;
  });
  if (!gone) all_.push_back(std::move(cookie));
}

std::string Cookies::header(const net::Url& to) const {
  std::string out;
  const std::string host = lower(to.host);
  for (const Cookie& c : all_) {
    if (c.secure && !to.tls()) continue;
    if (c.host_only ? host != c.domain : !within(host, c.domain)) continue;
    if (!below(path_of(to), c.path)) continue;
    if (!out.empty()) out += "; ";
    out.append(c.name).append("=").append(c.value);
  }
  return out;
}

}  // namespace collector::receive::blackbox
