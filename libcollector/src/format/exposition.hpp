// Prometheus text format 0.0.4 and 1.0.0, and OpenMetrics 0.0.1 and 1.0.0, line by line. Pure:
// everything is a view into the body.
#pragma once

#include <collector/engine/signals.hpp>

#include "model/labels.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace collector::format {

enum class Exposition : std::uint8_t { text, open_metrics, protobuf };

/// The exemplar of a sample of OpenMetrics.
struct ExposedExemplar {
  std::string_view labels;  ///< with braces, as written
  double value = 0;
  std::optional<std::int64_t> timestamp;  ///< ms
};

/// A line of an exposition.
struct ExpositionLine {
  enum class Kind : std::uint8_t { sample, help, type, unit, comment, end_of_metrics };
  Kind kind = Kind::comment;
  // Samples:
  std::string_view series;  ///< name and labels as written
  double value = 0;
  std::optional<std::int64_t> timestamp;  ///< ms
  // help, type, unit:
  std::string_view family;  ///< escapes as written
  std::string_view text;    ///< escapes as written
  MetricType type = MetricType::unknown;
};

/// Walks a body that is not protobuf. After an error `next` is not called again.
class ExpositionReader {
 public:
  ExpositionReader(std::string_view body, Exposition format) : body_(body), format_(format) {}

  /// The next line that says something, nothing at the end, or data_loss with line number and
  /// reason.
  Result<std::optional<ExpositionLine>> next();
  /// A sample whose series text is known to end `length` bytes from here: the short way. False when
  /// there is no such sample here; then nothing was consumed.
  bool at_series(std::size_t length) const {
    return at_ + length < body_.size() &&
           (body_[at_ + length] == ' ' || body_[at_ + length] == '\t');
  }
  std::string_view rest() const { return body_.substr(at_); }
  /// At a comment, or at what may stand around one.
  bool at_gap() const {
    return at_ < body_.size() &&
           (body_[at_] == '#' || static_cast<unsigned char>(body_[at_]) <= ' ');
  }
  /// What is known, up to the beginning of a sample.
  void skip(std::size_t length) { at_ += length; }
  /// Reads value, timestamp and exemplar after a series of `length` bytes at the cursor.
  Status read_sample(std::size_t length, ExpositionLine& line);
  /// The exemplar of the sample that was read last, or null.
  const ExposedExemplar* exemplar() const { return has_exemplar_ ? &exemplar_ : nullptr; }

  /// The labels of a series text, name included as __name__, unescaped into `labels` with `storage`
  /// holding what needed unescaping. Unsorted; duplicates are an error.
  static Status read_labels(std::string_view series, std::vector<model::Label>& labels,
                            std::string& storage);
  /// The same of an exemplar's labels, which have no name.
  static Status read_exemplar_labels(std::string_view text, std::vector<model::Label>& labels,
                                     std::string& storage);
  /// HELP without its escapes; quotes are escaped in OpenMetrics only.
  static std::string help_text(std::string_view text, Exposition format);

 private:
  Status error(std::string what) const;
  void skip_blanks();
  std::string_view line_rest() const;
  bool read_integer(ExpositionLine& line);
  Status read_comment(ExpositionLine& line);
  Result<std::size_t> series_length() const;
  Status read_exemplar();
  Result<std::int64_t> read_seconds(std::string_view text) const;

  std::string_view body_;
  Exposition format_;
  std::size_t at_ = 0;
  bool ended_ = false;
  bool has_exemplar_ = false;
  ExposedExemplar exemplar_;
};

}  // namespace collector::format
