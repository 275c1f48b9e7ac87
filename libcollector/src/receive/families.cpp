#include "receive/families.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace collector::receive {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes)
      out += "\\\"";
    else
      out += c;
  }
}

void append_value(std::string& out, double value) {
  if (std::isnan(value))
    out += "NaN";
  else if (std::isinf(value))
    out += value > 0 ? "+Inf" : "-Inf";
  else
    fmt::format_to(std::back_inserter(out), "{}", value);
}

}  // namespace

Families::Family& Families::family(std::string_view name, std::string_view type,
                                   std::string_view help) {
  auto [at, added] = index_.try_emplace(std::string(name), families_.size());
  if (added)
    families_.push_back({std::string(name), std::string(type), std::string(help), std::string()});
  return families_[at->second];
}

void Families::add(std::string_view name, std::string_view type, std::string_view help,
                   double value, std::span<const Label> labels) {
  std::string& out = family(name, type, help).lines;
  out += name;
  char before = '{';
  for (const Label& label : labels) {
    out += before;
    out += label.name;
    out += "=\"";
    append_escaped(out, label.value, true);
    out += '"';
    before = ',';
  }
  if (!labels.empty()) out += '}';
  out += ' ';
  append_value(out, value);
  out += '\n';
}

void Families::line(std::string_view name, std::string_view type, std::string_view help,
                    std::string_view text) {
  std::string& out = family(name, type, help).lines;
  out += text;
  out += '\n';
}

std::string Families::text() const {
  std::vector<const Family*> sorted;
  for (const Family& f : families_) sorted.push_back(&f);
  std::sort(sorted.begin(), sorted.end(),
            [](const Family* a, const Family* b) { return a->name < b->name; });
  std::string out;
  for (const Family* f : sorted) {
    out += "# HELP " + f->name + ' ';
    append_escaped(out, f->help, false);
    out += "\n# TYPE " + f->name + ' ' + f->type + '\n' + f->lines;
  }
  return out;
}

std::string metric_name(std::string_view text) {
  std::string name(text);
  for (char& c : name) {
    const bool keep =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!keep) c = '_';
  }
  return name;
}

}  // namespace collector::receive
