// What is wrong with a configuration and where: collected, never thrown, all of a file at once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace collector::syntax {

/// Lines and columns count from 1, columns in bytes as Alloy's do; line 0 means "no place".
struct Position {
  int line = 0;
  int column = 0;
  int offset = 0;  ///< bytes from the start of the file
  bool valid() const { return line > 0; }
  friend bool operator==(const Position&, const Position&) = default;
};

/// From the first to the last byte of what is meant, both included, as Alloy's diagnostics do.
struct Span {
  Position start, end;
  friend bool operator==(const Span&, const Span&) = default;
};

enum class Severity { warning, error };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;  ///< name as given on the command line, or of the import that brought it
  Span span;
  std::string message;
  std::string hint;      ///< may be empty: `did you mean "forward_to"?`
  bool lacking = false;  ///< asks for something that this version does not have
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

class Diagnostics {
 public:
  void add(Diagnostic d) { list_.push_back(std::move(d)); }
  void error(std::string file, Span span, std::string message, std::string hint = {}) {
    list_.push_back({Severity::error, std::move(file), span, std::move(message), std::move(hint)});
  }
  /// An error about something that this version does not have, misspelt or not.
  void lacking(std::string file, Span span, std::string message, std::string hint = {}) {
    error(std::move(file), span, std::move(message), std::move(hint));
    list_.back().lacking = true;
  }
  /// Remembers the text of a file that was read, so that what is wrong in it can be drawn.
  void source(const std::string& file, std::shared_ptr<const std::string> text) {
    sources_[file] = std::move(text);
  }
  /// Empty when the file is not known.
  std::string_view source_of(const std::string& file) const;
  void append(Diagnostics other);
  bool has_errors() const;
  bool empty() const { return list_.empty(); }
  const std::vector<Diagnostic>& list() const { return list_; }
  /// By file, then by place; equal ones once.
  void sort();

 private:
  std::vector<Diagnostic> list_;
  std::map<std::string, std::shared_ptr<const std::string>> sources_;
};

/// `main.alloy:4:3: message`, one line.
std::string to_line(const Diagnostic& d);
/// The line above, then the source lines with carets below them, then the hint. `source` is the
/// text of the file that the diagnostic names; without it (empty) the drawing is left out.
std::string to_drawing(const Diagnostic& d, std::string_view source);

/// Every diagnostic with its drawing, ready for a terminal.
std::string to_drawings(const Diagnostics& diagnostics);

/// The candidate nearest to `word` by edit distance, or empty when none is near enough to be meant.
std::string_view nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace collector::syntax
