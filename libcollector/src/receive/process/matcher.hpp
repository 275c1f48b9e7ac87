// Which processes belong together, and under what name. Immutable after construction.
#pragma once

#include "receive/process/proc_reader.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace re2 {
class RE2;
}

namespace collector::receive::named_process {

/// The name of a group as Go's text/template writes it: text, and in {{ }} a field or
/// `index` of one, with the trim marks. Other functions and control structures are refused.
class NameTemplate {
 public:
  static Result<NameTemplate> parse(const std::string& text);
  std::string render(const Attributes& process,
                     const std::map<std::string, std::string>& matches) const;

 private:
  struct Part {
    std::string text;   ///< as it is, when `field` is empty
    std::string field;  ///< Comm, ExeBase, ...
    std::optional<std::string> key;
    std::optional<std::size_t> index;
    bool by_dot = false;  ///< .Matches.key: missing is "<no value>", and not empty
  };
  static Result<Part> parse_action(std::string_view action);
  std::vector<Part> parts_;
};

struct Rules {
  std::string name;
  std::vector<std::string> comm, exe, command_line;
};

class Matcher {
 public:
  static Result<Matcher> compile(const Rules& rules);
  /// The group's name, when all kinds of rules that there are match.
  std::optional<std::string> match(const Attributes& process) const;

 private:
  Rules rules_;
  std::vector<std::shared_ptr<const re2::RE2>> expressions_;
  NameTemplate name_;
};

}  // namespace collector::receive::named_process
