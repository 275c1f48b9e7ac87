#include "receive/process/matcher.hpp"

#include "model/relabel.hpp"
#include "receive/unix/host.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace collector::receive::named_process {
namespace {

using unix_host::trim;

constexpr std::array<std::string_view, 8> kFields{"Comm",    "ExeBase", "ExeFull",   "Username",
                                                  "Matches", "PID",     "StartTime", "Cgroups"};

/// Go's filepath.Base.
std::string base_name(std::string_view path) {
  if (path.empty()) return ".";
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  if (path == "/") return "/";
  return std::string(path.substr(path.rfind('/') + 1));
}

/// Go's time.Time.String for UTC.
std::string go_time(WallTime t) {
  std::int64_t seconds = t.unix_ns / 1'000'000'000, ns = t.unix_ns % 1'000'000'000;
  const std::int64_t days = seconds / 86'400, left = seconds % 86'400;
  // Civil date from days since 1970 (Howard Hinnant, chrono-compatible date algorithms).
  const std::int64_t z = days + 719'468, era = z / 146'097, doe = z - era * 146'097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  const std::int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
  const std::int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  std::string out = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", year, month, day,
                                left / 3600, left / 60 % 60, left % 60);
  if (ns > 0) {
    std::string fraction = fmt::format(".{:09}", ns);
    while (fraction.back() == '0') fraction.pop_back();
    out += fraction;
  }
  return out + " +0000 UTC";
}

/// A string literal of the template language at the start of `text`, which loses it.
std::optional<std::string> take_string(std::string_view& text) {
  if (text.empty() || (text[0] != '"' && text[0] != '`')) return std::nullopt;
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == text[0]) {
      text.remove_prefix(i + 1);
      return out;
    }
    if (text[0] == '"' && text[i] == '\\' && i + 1 < text.size()) {
      const char c = text[++i];
      if (c != '"' && c != '\\') return std::nullopt;
      out += c;
    } else {
      out += text[i];
    }
  }
  return std::nullopt;
}

std::string_view take_word(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && text[n] != ' ' && text[n] != '\t' && text[n] != '\n') ++n;
  const std::string_view word = text.substr(0, n);
  text = trim(text.substr(n));
  return word;
}

}  // namespace

Result<NameTemplate::Part> NameTemplate::parse_action(std::string_view action) {
  const auto refused = [&](std::string_view why) {
    return Status(Code::invalid_argument, fmt::format("{{{{{}}}}}: {}", action, why));
  };
  constexpr std::string_view kOnly =
      "a name may hold fields, such as {{.Comm}} and {{.Matches.Cfgfile}}, and index of one";
  std::string_view rest = trim(action);
  Part part;
  bool indexed = false;
  if (rest.substr(0, 5) == "index" && rest.size() > 5 && (rest[5] == ' ' || rest[5] == '\t')) {
    rest = trim(rest.substr(5));
    indexed = true;
  }
  std::string_view field = take_word(rest);
  if (field.empty() || field[0] != '.') return refused(kOnly);
  field.remove_prefix(1);
  const std::size_t dot = field.find('.');
  part.field = field.substr(0, dot);
  if (std::find(kFields.begin(), kFields.end(), part.field) == kFields.end())
    return refused(fmt::format("there is no field .{}", part.field));
  if (dot != field.npos) {
    part.key = field.substr(dot + 1);
    part.by_dot = true;
    if (part.field != "Matches" || part.key->empty() || part.key->find('.') != std::string::npos)
      return refused(kOnly);
  }
  if (indexed) {
    if (part.field == "Matches" && !part.by_dot) {
      part.key = take_string(rest);
      if (!part.key) return refused("index of .Matches needs a string");
    } else if (part.field == "Cgroups") {
      std::size_t n = 0;
      const std::string_view number = take_word(rest);
      const auto parsed = std::from_chars(number.data(), number.data() + number.size(), n);
      if (number.empty() || parsed.ec != std::errc() || parsed.ptr != number.data() + number.size())
        return refused("index of .Cgroups needs a number");
      part.index = n;
    } else {
      return refused("only .Matches and .Cgroups have an index");
    }
  }
  if (!trim(rest).empty()) return refused(kOnly);
  return part;
}

Result<NameTemplate> NameTemplate::parse(const std::string& text) {
  NameTemplate out;
  std::string_view rest = text;
  bool trim_next = false;
  for (;;) {
    const std::size_t open = rest.find("{{");
    std::string_view plain = rest.substr(0, open);
    if (trim_next)
      while (!plain.empty() && trim(plain.substr(0, 1)).empty()) plain.remove_prefix(1);
    if (open == rest.npos) {
      if (!plain.empty()) out.parts_.push_back({std::string(plain), "", {}, {}, false});
      return out;
    }
    std::string_view action = rest.substr(open + 2);
    const std::size_t close = action.find("}}");
    if (close == action.npos) return Status(Code::invalid_argument, "{{ is not closed");
    rest = action.substr(close + 2);
    action = action.substr(0, close);
    const auto blank = [](char c) { return trim(std::string_view(&c, 1)).empty(); };
    if (action.size() > 1 && action[0] == '-' && blank(action[1])) {
      action.remove_prefix(1);
      while (!plain.empty() && blank(plain.back())) plain.remove_suffix(1);
    }
    trim_next = action.size() > 1 && action.back() == '-' && blank(action[action.size() - 2]);
    if (trim_next) action.remove_suffix(1);
    if (!plain.empty()) out.parts_.push_back({std::string(plain), "", {}, {}, false});
    if (const auto inside = trim(action); inside.size() >= 4 && inside.substr(0, 2) == "/*" &&
                                          inside.substr(inside.size() - 2) == "*/")
      continue;
    auto part = parse_action(action);
    if (!part) return part.error();
    out.parts_.push_back(std::move(*part));
  }
}

std::string NameTemplate::render(const Attributes& process,
                                 const std::map<std::string, std::string>& matches) const {
  const std::string& full = process.command_line.empty() ? process.comm : process.command_line[0];
  std::string out;
  for (const Part& part : parts_) {
    if (part.field.empty()) {
      out += part.text;
    } else if (part.field == "Comm") {
      out += process.comm;
    } else if (part.field == "ExeBase") {
      out += process.command_line.empty() ? process.comm : base_name(full);
    } else if (part.field == "ExeFull") {
      out += full;
    } else if (part.field == "Username") {
      out += process.user;
    } else if (part.field == "PID") {
      out += fmt::format("{}", process.pid);
    } else if (part.field == "StartTime") {
      out += go_time(process.start);
    } else if (part.field == "Cgroups") {
      // As there, an index beyond the end cuts the name off.
      if (part.index && *part.index >= process.cgroups.size()) return out;
      out += part.index ? process.cgroups[*part.index]
                        : fmt::format("[{}]", fmt::join(process.cgroups, " "));
    } else if (part.key) {
      const auto at = matches.find(*part.key);
      out += at != matches.end() ? at->second : part.by_dot ? "<no value>" : "";
    } else {
      std::string all;
      for (const auto& [name, value] : matches)
        all += fmt::format("{}{}:{}", all.empty() ? "" : " ", name, value);
      out += fmt::format("map[{}]", all);
    }
  }
  return out;
}

Result<Matcher> Matcher::compile(const Rules& rules) {
  Matcher out;
  out.rules_ = rules;
  if (rules.comm.empty() && rules.exe.empty() && rules.command_line.empty())
    return Status(Code::invalid_argument, "matcher: one of comm, exe and cmdline is needed");
  for (const std::string& text : rules.command_line) {
    auto expression = model::compile_go(text);
    if (!expression) return expression.error().in("matcher: cmdline");
    out.expressions_.push_back(std::move(*expression));
  }
  auto name = NameTemplate::parse(rules.name.empty() ? "{{.ExeBase}}" : rules.name);
  if (!name) return name.error().in("matcher: name");
  out.name_ = std::move(*name);
  return out;
}

std::optional<std::string> Matcher::match(const Attributes& process) const {
  const auto contains = [](const std::vector<std::string>& all, std::string_view one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  if (!rules_.comm.empty() && !contains(rules_.comm, process.comm)) return std::nullopt;
  if (!rules_.exe.empty()) {
    if (process.command_line.empty()) return std::nullopt;
    const std::string& full = process.command_line[0];
    if (!contains(rules_.exe, full) && !contains(rules_.exe, base_name(full))) return std::nullopt;
  }
  std::map<std::string, std::string> matches;
  std::string command;
  if (!expressions_.empty()) command = fmt::format("{}", fmt::join(process.command_line, " "));
  for (const auto& expression : expressions_) {
    const int groups = expression->NumberOfCapturingGroups();
    std::vector<re2::StringPiece> found(static_cast<std::size_t>(groups) + 1);
    if (!expression->Match(command, 0, command.size(), re2::RE2::UNANCHORED, found.data(),
                           groups + 1))
      return std::nullopt;
    // Groups without a name share the empty one; the last of them stays, as there.
    const auto& names = expression->CapturingGroupNames();
    for (int i = 0; i <= groups; ++i) {
      const auto named = names.find(i);
      const re2::StringPiece& piece = found[static_cast<std::size_t>(i)];
      matches[named == names.end() ? std::string() : named->second] =
          std::string(piece.data() ? piece.data() : "", piece.size());
    }
  }
  return name_.render(process, matches);
}

}  // namespace collector::receive::named_process
