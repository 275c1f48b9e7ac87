#include "model/relabel.hpp"

#include "model/expand.hpp"

#include "base/digest.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <clocale>
#include <cwctype>

namespace collector::model {
namespace {

using re2::RE2;
using re2::StringPiece;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

template <class Piece>
std::string expand(std::string_view text, const RE2& regex, const std::vector<Piece>& groups) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      out += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    }
    const bool brace = i + 1 < text.size() && text[i + 1] == '{';
    const std::size_t from = i + (brace ? 2 : 1);
    std::size_t to = from;
    while (to < text.size() && is_word(text[to])) ++to;
    if (to == from || (brace && (to >= text.size() || text[to] != '}'))) {
      out += '$';
      continue;
    }
    const std::string name(text.substr(from, to - from));
    i = brace ? to : to - 1;
    int group = -1;
    if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      std::from_chars(name.data(), name.data() + name.size(), group);
    } else if (auto it = regex.NamedCapturingGroups().find(name);
               it != regex.NamedCapturingGroups().end()) {
      group = it->second;
    }
    if (group >= 0 && group < static_cast<int>(groups.size()))
      out.append(groups[static_cast<std::size_t>(group)].data(),
                 groups[static_cast<std::size_t>(group)].size());
  }
  return out;
}

bool match(const RE2& regex, std::string_view text, std::vector<StringPiece>* groups) {
  const StringPiece piece(text.data(), text.size());
  if (!groups) return regex.Match(piece, 0, text.size(), RE2::ANCHOR_BOTH, nullptr, 0);
  groups->resize(static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1);
  return regex.Match(piece, 0, text.size(), RE2::ANCHOR_BOTH, groups->data(),
                     static_cast<int>(groups->size()));
}

/// The C library's table of Unicode, whatever the host's locale; null where it has none.
locale_t unicode() {
  static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr std::array<unsigned, 4> kLead{0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kLead[static_cast<std::size_t>(more)] | (c >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3f));
}

/// Letter by letter, as Go's strings.ToUpper and ToLower. `text` is UTF-8.
std::string with_case(const std::string& text, bool upper) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size == 1 || i + size > text.size() || !unicode()) {
      const char c = text[i++];
      const bool turns = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
      out += turns ? static_cast<char>(c ^ 0x20) : c;
      continue;
    }
    std::uint32_t c = lead & (0xffU >> (size + 1));
    for (std::size_t k = 1; k < size; ++k)
      c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
    i += size;
    append_utf8(out, upper ? ::towupper_l(c, unicode()) : ::towlower_l(c, unicode()));
  }
  return out;
}

}  // namespace

namespace {

Result<std::shared_ptr<const RE2>> compile(std::string_view regex, std::string_view before,
                                           std::string_view after) {
  std::string text(regex);
  // Debian's RE2 knows named groups as (?P<name>...) only.
  for (std::size_t at = 0; (at = text.find("(?<", at)) != std::string::npos; at += 3) {
    const bool escaped = at > 0 && text[at - 1] == '\\';
    if (!escaped && at + 3 < text.size() && text[at + 3] != '=' && text[at + 3] != '!')
      text.insert(at + 2, "P");
  }
  RE2::Options options;
  options.set_log_errors(false);
  auto compiled =
      std::make_shared<const RE2>(std::string(before).append(text).append(after), options);
  if (!compiled->ok())
    return Status(Code::invalid_argument,
                  "\"" + std::string(regex) + "\" is no regular expression: " + compiled->error());
  return compiled;
}

}  // namespace

Result<std::shared_ptr<const RE2>> compile_anchored(std::string_view regex) {
  return compile(regex, "(?s:", ")");
}

Result<std::shared_ptr<const RE2>> compile_go(std::string_view regex) {
  return compile(regex, "", "");
}

std::string expand_go(std::string_view text, const RE2& regex,
                      const std::vector<std::string_view>& groups) {
  return expand(text, regex, groups);
}

Result<RelabelRules> RelabelRules::compile(std::vector<RelabelRule> rules) {
  RelabelRules out;
  for (RelabelRule& rule : rules) {
    auto regex = compile_anchored(rule.regex);
    if (!regex) return regex.error();
    out.rules_.push_back({std::move(rule), std::move(*regex)});
  }
  return out;
}

bool RelabelRules::apply(LabelsBuilder& labels) const {
  return std::all_of(rules_.begin(), rules_.end(),
                     [&](const Compiled& rule) { return apply(rule, labels); });
}

bool RelabelRules::apply(const Compiled& compiled, LabelsBuilder& labels) {
  using Action = RelabelRule::Action;
  const RelabelRule& rule = compiled.rule;
  const RE2& regex = *compiled.regex;
  std::string value;
  for (std::size_t i = 0; i < rule.source_labels.size(); ++i) {
    if (i > 0) value += rule.separator;
    value += labels.get(rule.source_labels[i]);
  }
  switch (rule.action) {
    case Action::drop:
      return !match(regex, value, nullptr);
    case Action::keep:
      return match(regex, value, nullptr);
    case Action::drop_equal:
      return labels.get(rule.target_label) != value;
    case Action::keep_equal:
      return labels.get(rule.target_label) == value;
    case Action::replace: {
      std::vector<StringPiece> groups;
      if (!match(regex, value, &groups)) return true;
      const std::string target = expand(rule.target_label, regex, groups);
      if (target.empty() || !is_utf8(target)) return true;
      labels.set(target, expand(rule.replacement, regex, groups));
      return true;
    }
    case Action::lowercase:
    case Action::uppercase:
      labels.set(rule.target_label, with_case(value, rule.action == Action::uppercase));
      return true;
    case Action::hash_mod:
      labels.set(rule.target_label, std::to_string(base::hashmod(value, rule.modulus)));
      return true;
    case Action::label_map: {
      const auto before = labels.all();
      for (const auto& [name, v] : before) {
        std::vector<StringPiece> groups;
        if (match(regex, name, &groups)) labels.set(expand(rule.replacement, regex, groups), v);
      }
      return true;
    }
    case Action::label_drop:
    case Action::label_keep: {
      const auto before = labels.all();
      for (const auto& [name, v] : before)
        if (match(regex, name, nullptr) == (rule.action == Action::label_drop)) labels.erase(name);
      return true;
    }
  }
  return true;
}

}  // namespace collector::model
