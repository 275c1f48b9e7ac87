#include "format/exposition.hpp"

#include "format/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace collector::format {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_name_start(char c, bool colon) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
}
bool is_name(char c, bool colon) { return is_name_start(c, colon) || (c >= '0' && c <= '9'); }

std::size_t name_length(std::string_view text, bool colon) {
  if (text.empty() || !is_name_start(text[0], colon)) return 0;
  std::size_t n = 1;
  while (n < text.size() && is_name(text[n], colon)) ++n;
  return n;
}

/// Length of a quoted string with its quotes, 0 when it is not closed on this line.
std::size_t quoted_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return 0;
}

/// Without its quotes and escapes; a view where nothing was escaped.
std::string_view unquote(std::string_view quoted, std::string& storage) {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return inside;
  const std::size_t from = storage.size();
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '\\' && i + 1 < inside.size()) {
      const char c = inside[++i];
      if (c == 'n')
        storage += '\n';
      else if (c == '\\' || c == '"')
        storage += c;
      else
        storage.append(1, '\\').append(1, c);
    } else {
      storage += inside[i];
    }
  }
  return std::string_view(storage).substr(from);
}

std::optional<MetricType> type_of(std::string_view text) {
  constexpr std::pair<std::string_view, MetricType> kTypes[] = {
      {"counter", MetricType::counter},     {"gauge", MetricType::gauge},
      {"histogram", MetricType::histogram}, {"gaugehistogram", MetricType::gauge_histogram},
      {"summary", MetricType::summary},     {"info", MetricType::info},
      {"stateset", MetricType::stateset},   {"unknown", MetricType::unknown},
      {"untyped", MetricType::unknown}};
  for (const auto& [name, type] : kTypes)
    if (name == text) return type;
  return std::nullopt;
}

/// The longest storage that unescaping a series can need, so that views into it stay valid.
void reserve_for(std::string& storage, std::string_view series) {
  storage.clear();
  storage.reserve(series.size());
}

}  // namespace

Status ExpositionReader::error(std::string what) const {
  const auto lines =
      std::count(body_.begin(), body_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
  return Status(Code::data_loss, fmt::format("line {}: {}", lines + 1, what));
}

void ExpositionReader::skip_blanks() {
  while (at_ < body_.size() && is_blank(body_[at_])) ++at_;
}

std::string_view ExpositionReader::line_rest() const {
  return body_.substr(at_, std::min(body_.find('\n', at_), body_.size()) - at_);
}

Result<std::optional<ExpositionLine>> ExpositionReader::next() {
  const bool open_metrics = format_ == Exposition::open_metrics;
  for (;;) {
    if (at_ >= body_.size()) {
      if (open_metrics && !ended_) return error("the end is missing: \"# EOF\"");
      return std::optional<ExpositionLine>();
    }
    if (ended_) return error("there is data after \"# EOF\"");
    if (body_[at_] == '\n' || body_[at_] == '\r') {
      if (open_metrics) return error("an empty line has no place here");
      ++at_;
      continue;
    }
    if (!open_metrics && is_blank(body_[at_])) {
      skip_blanks();
      continue;
    }
    ExpositionLine line;
    if (body_[at_] == '#') {
      if (Status s = read_comment(line); !s.ok()) return s;
      if (line.kind == ExpositionLine::Kind::end_of_metrics) {
        ended_ = true;
        continue;
      }
      if (line.kind == ExpositionLine::Kind::comment) continue;
      return std::optional<ExpositionLine>(line);
    }
    auto length = series_length();
    if (!length) return length.error();
    if (Status s = read_sample(*length, line); !s.ok()) return s;
    return std::optional<ExpositionLine>(line);
  }
}

Status ExpositionReader::read_comment(ExpositionLine& line) {
  const std::string_view whole = line_rest();
  std::string_view text = whole;
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  const auto finish = [&] {
    at_ += whole.size() + (at_ + whole.size() < body_.size() ? 1 : 0);
    return Status();
  };
  if (format_ == Exposition::open_metrics && text == "# EOF") {
    line.kind = ExpositionLine::Kind::end_of_metrics;
    return finish();
  }
  const auto skip = [&text] {
    while (!text.empty() && is_blank(text[0])) text.remove_prefix(1);
  };
  text.remove_prefix(1);
  skip();
  const std::size_t word_end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view word = text.substr(0, word_end);
  line.kind = word == "HELP"   ? ExpositionLine::Kind::help
              : word == "TYPE" ? ExpositionLine::Kind::type
              : word == "UNIT" && format_ == Exposition::open_metrics
                  ? ExpositionLine::Kind::unit
                  : ExpositionLine::Kind::comment;
  if (line.kind == ExpositionLine::Kind::comment) {
    if (format_ == Exposition::open_metrics)
      return error("a comment is no HELP, TYPE, UNIT or EOF");
    return finish();
  }
  text.remove_prefix(word_end);
  // Prometheus' lexer asks for a blank behind the word, else it is as good as any other.
  if (text.empty() && format_ == Exposition::text) {
    line.kind = ExpositionLine::Kind::comment;
    return finish();
  }
  skip();
  std::size_t n = name_length(text, true);
  if (!text.empty() && text[0] == '"') n = quoted_length(text);
  if (n == 0) return error(fmt::format("{} names no metric", word));
  line.family = text[0] == '"' ? text.substr(1, n - 2) : text.substr(0, n);
  text.remove_prefix(n);
  skip();
  line.text = text;
  if (line.kind == ExpositionLine::Kind::type) {
    const auto type = type_of(text);
    if (!type) return error(fmt::format("\"{}\" is no type of metric", text));
    line.type = *type;
  }
  return finish();
}

/// From the cursor to the end of name and labels.
Result<std::size_t> ExpositionReader::series_length() const {
  // A quoted value may hold line feeds as they are: Prometheus takes them.
  const std::string_view text = rest();
  std::size_t n = name_length(text, true);
  if (n == 0 && (text.empty() || text[0] != '{')) return error("expected the name of a metric");
  std::size_t brace = n;
  while (brace < text.size() && is_blank(text[brace])) ++brace;
  if (brace >= text.size() || text[brace] != '{') return n;
  for (std::size_t i = brace + 1; i < text.size();) {
    if (text[i] == '}') return i + 1;
    if (text[i] == '\n') break;
    if (text[i] == '"') {
      const std::size_t quoted = quoted_length(text.substr(i));
      if (quoted == 0) return error("a quoted string is not closed");
      i += quoted;
    } else {
      ++i;
    }
  }
  return error("the labels are not closed");
}

/// Most lines: a blank, a short integer, and the end of the line.
bool ExpositionReader::read_integer(ExpositionLine& line) {
  constexpr std::size_t kMostDigits = 15;  // all of them are exact
  if (at_ >= body_.size() || !is_blank(body_[at_])) return false;
  std::size_t i = at_ + 1;
  const std::size_t stop = std::min(body_.size(), i + kMostDigits + 1);
  std::uint64_t value = 0;
  for (; i < stop; ++i) {
    const auto digit = static_cast<unsigned char>(body_[i] - '0');
    if (digit > 9) break;
    value = value * 10 + digit;
  }
  if (i == at_ + 1 || i >= stop || body_[i] != '\n') return false;
  line.value = static_cast<double>(value);
  line.timestamp.reset();
  has_exemplar_ = false;
  at_ = i + 1;
  return true;
}

Status ExpositionReader::read_sample(std::size_t length, ExpositionLine& line) {
  line.kind = ExpositionLine::Kind::sample;
  line.series = body_.substr(at_, length);
  at_ += length;
  if (read_integer(line)) return {};
  skip_blanks();
  const auto token = [&] {
    const std::size_t from = at_;
    while (at_ < body_.size() && static_cast<unsigned char>(body_[at_]) > ' ') ++at_;
    return body_.substr(from, at_ - from);
  };
  const std::string_view value = token();
  if (value.empty()) return error("a sample has no value");
  if (!parse_value(value, line.value)) return error(fmt::format("\"{}\" is no value", value));
  line.timestamp.reset();
  has_exemplar_ = false;
  skip_blanks();
  if (at_ < body_.size() && body_[at_] != '\n' && body_[at_] != '\r' && body_[at_] != '#') {
    const std::string_view stamp = token();
    if (format_ == Exposition::open_metrics) {
      const auto ms = read_seconds(stamp);
      if (!ms) return ms.error();
      line.timestamp = *ms;
    } else {
      std::int64_t ms = 0;
      if (!parse_integer(stamp, ms)) return error(fmt::format("\"{}\" is no timestamp", stamp));
      line.timestamp = ms;
    }
    skip_blanks();
  }
  if (at_ < body_.size() && body_[at_] == '#') {
    if (Status s = read_exemplar(); !s.ok()) return s;
  }
  if (at_ < body_.size() && body_[at_] == '\r') ++at_;
  if (at_ < body_.size()) {
    if (body_[at_] != '\n') return error("there is more on the line than a sample has");
    ++at_;
  } else if (format_ == Exposition::open_metrics) {
    return error("the last line is not closed");
  }
  return {};
}

[[gnu::noinline]] Result<std::int64_t> ExpositionReader::read_seconds(std::string_view text) const {
  double seconds = 0;
  if (!parse_value(text, seconds) || !std::isfinite(seconds) || std::abs(seconds) > 9e15)
    return error(fmt::format("\"{}\" is no timestamp", text));
  return static_cast<std::int64_t>(seconds * 1000);
}

/// `# {labels} value [timestamp]` up to the end of the line. Out of line: most samples have none.
[[gnu::noinline]] Status ExpositionReader::read_exemplar() {
  if (format_ != Exposition::open_metrics)
    return error("there is more on the line than a sample has");
  std::string_view text = line_rest();
  const std::size_t whole = text.size();
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.substr(0, 3) != "# {") return error("an exemplar begins with \"# {\"");
  std::size_t i = 3;
  while (i < text.size() && text[i] != '}') {
    const std::size_t quoted = text[i] == '"' ? quoted_length(text.substr(i)) : 1;
    if (quoted == 0) return error("a quoted string is not closed");
    i += quoted;
  }
  if (i + 1 >= text.size() || text[i + 1] != ' ') return error("an exemplar has no value");
  exemplar_ = {};
  exemplar_.labels = text.substr(2, i - 1);
  text.remove_prefix(i + 2);
  const std::size_t blank = text.find(' ');
  const std::string_view number = text.substr(0, blank);
  if (!parse_value(number, exemplar_.value))
    return error(fmt::format("\"{}\" is no value", number));
  if (blank != std::string_view::npos) {
    const auto ms = read_seconds(text.substr(blank + 1));
    if (!ms) return ms.error();
    exemplar_.timestamp = *ms;
  }
  has_exemplar_ = true;
  at_ += whole;
  return {};
}

namespace {

/// The labels from the brace at `i` on; `i` is behind the closing one then. `named`: whether there
/// is a name already, or null where none may be.
Status read_braces(std::string_view text, std::size_t& i, bool* named,
                   std::vector<model::Label>& labels, std::string& storage) {
  const auto bad = [&](std::string_view what) {
    return Status(Code::data_loss, fmt::format("{}: {}", what, text.substr(0, 200)));
  };
  const auto skip = [&] {
    while (i < text.size() && is_blank(text[i])) ++i;
  };
  ++i;  // {
  for (skip(); i < text.size() && text[i] != '}'; skip()) {
    const std::string_view rest = text.substr(i);
    const bool quoted = rest[0] == '"';
    std::size_t n = quoted ? quoted_length(rest) : name_length(rest, false);
    if (n == 0) return bad("expected the name of a label");
    const std::string_view name = quoted ? unquote(rest.substr(0, n), storage) : rest.substr(0, n);
    i += n;
    skip();
    if (named && quoted && i < text.size() && (text[i] == ',' || text[i] == '}')) {
      // A quoted name by itself is the metric's.
      if (std::exchange(*named, true)) return bad("a sample has two names");
      labels.insert(labels.begin(), {model::kNameLabel, name});
    } else {
      if (i >= text.size() || text[i] != '=') return bad("expected = after the name of a label");
      ++i;
      skip();
      n = i < text.size() && text[i] == '"' ? quoted_length(text.substr(i)) : 0;
      if (n == 0) return bad("expected a quoted value of a label");
      const std::string_view value = unquote(text.substr(i, n), storage);
      if (!model::is_utf8(value)) return bad("the value of a label is not UTF-8");
      labels.push_back({name, value});
      i += n;
      skip();
    }
    // The comma between labels may be missing: Prometheus does not ask for it.
    if (i < text.size() && text[i] == ',')
      ++i;
    else if (i >= text.size())
      return bad("expected a comma or } after a label");
  }
  return {};
}

}  // namespace

Status ExpositionReader::read_labels(std::string_view series, std::vector<model::Label>& labels,
                                     std::string& storage) {
  labels.clear();
  reserve_for(storage, series);
  std::size_t i = name_length(series, true);
  bool named = i > 0;
  if (named) labels.push_back({model::kNameLabel, series.substr(0, i)});
  while (i < series.size() && is_blank(series[i])) ++i;
  if (i < series.size()) {
    if (Status s = read_braces(series, i, &named, labels, storage); !s.ok()) return s;
  }
  if (named) return {};
  return Status(Code::data_loss, fmt::format("a sample has no name: {}", series.substr(0, 200)));
}

Status ExpositionReader::read_exemplar_labels(std::string_view text,
                                              std::vector<model::Label>& labels,
                                              std::string& storage) {
  labels.clear();
  reserve_for(storage, text);
  std::size_t i = 0;
  return read_braces(text, i, nullptr, labels, storage);
}

std::string ExpositionReader::help_text(std::string_view text, Exposition format) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == 'n')
      out += '\n';
    else if (next == '\\' || (next == '"' && format == Exposition::open_metrics))
      out += next;
    else {
      out += text[i];
      continue;
    }
    ++i;
  }
  return out;
}

}  // namespace collector::format
