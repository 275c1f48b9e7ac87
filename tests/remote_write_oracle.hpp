// What a request of remote write holds, by libprotobuf's classes and the rules of the
// specifications (prometheus.io/docs/specs/prw), and what our reader made of it, both as lines of
// text. For tests and fuzz targets.
#pragma once

#include "format/remote_write_read.hpp"
#include "protobuf_oracle.hpp"

#include <collector/engine/testing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace collector {

using LabelTexts = std::vector<std::pair<std::string, std::string>>;

inline std::string show(const LabelTexts& labels) {
  std::string out;
  for (const auto& [name, value] : labels) out += name + "=" + value + ";";
  return out;
}
inline std::string bits(double v) {
  return fmt::format("{:016x}", std::bit_cast<std::uint64_t>(v));
}

template <class Values>
std::string show_values(const Values& values) {
  std::string out = "[";
  for (const auto v : values) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(v)>, double>)
      out += bits(v) + ",";
    else
      out += fmt::format("{},", v);
  }
  return out + "]";
}

/// Of either version.
template <class Theirs>
std::string show_theirs(const Theirs& h) {
  const bool is_float = h.count_case() == Theirs::kCountFloat;
  std::string out = fmt::format("float={} reset={} schema={} threshold={} sum={} ", is_float,
                                static_cast<int>(h.reset_hint()) & 3, h.schema(),
                                bits(h.zero_threshold()), bits(h.sum()));
  const auto spans = [](const auto& list) {
    std::string text;
    for (const auto& s : list) text += fmt::format("{}+{},", s.offset(), s.length());
    return text;
  };
  if (is_float)
    out += fmt::format("count={} zero={} positive={}{} negative={}{}", bits(h.count_float()),
                       bits(h.zero_count_float()), spans(h.positive_spans()),
                       show_values(h.positive_counts()), spans(h.negative_spans()),
                       show_values(h.negative_counts()));
  else
    out +=
        fmt::format("count={} zero={} positive={}{} negative={}{}", h.count_int(),
                    h.zero_count_int(), spans(h.positive_spans()), show_values(h.positive_deltas()),
                    spans(h.negative_spans()), show_values(h.negative_deltas()));
  return out + " custom=" + show_values(h.custom_values());
}

inline std::string show_ours(const NativeHistogram& h) {
  std::string out =
      fmt::format("float={} reset={} schema={} threshold={} sum={} ", h.is_float,
                  static_cast<int>(h.reset), h.schema, bits(h.zero_threshold), bits(h.sum));
  const auto side = [&](const NativeHistogram::Buckets& b) {
    std::string text;
    for (const auto& s : b.spans) text += fmt::format("{}+{},", s.offset, s.length);
    return text + (h.is_float ? show_values(b.counts) : show_values(b.deltas));
  };
  const std::string count = h.is_float ? bits(h.float_count) : std::to_string(h.count);
  const std::string zero = h.is_float ? bits(h.float_zero_count) : std::to_string(h.zero_count);
  return out +
         fmt::format("count={} zero={} positive={} negative={}", count, zero, side(h.positive),
                     side(h.negative)) +
         " custom=" + show_values(h.custom_values);
}

/// Lines in the order of the request: samples, then histograms, then exemplars.
struct WrittenRows {
  std::vector<std::string> samples, histograms, exemplars;
  std::size_t bad_labels = 0;     ///< items of series that are none
  std::size_t bad_exemplars = 0;  ///< their own labels are none
  std::size_t empty = 0;          ///< series of 2.0 without an item
};

/// Sorted, without empty values; nothing when they are no series.
inline std::optional<LabelTexts> series_labels(LabelTexts labels) {
  constexpr std::size_t kMostLabels = 4096;
  if (labels.size() > kMostLabels) return std::nullopt;
  std::sort(labels.begin(), labels.end());
  bool named = false;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].first.empty()) return std::nullopt;
    if (i > 0 && labels[i].first == labels[i - 1].first) return std::nullopt;
    named = named || (labels[i].first == "__name__" && !labels[i].second.empty());
  }
  if (!named) return std::nullopt;
  std::erase_if(labels, [](const auto& l) { return l.second.empty(); });
  return labels;
}

inline WrittenRows rows_of(const prometheus::WriteRequest& request) {
  WrittenRows rows;
  for (const auto& ts : request.timeseries()) {
    LabelTexts texts;
    for (const auto& l : ts.labels()) texts.emplace_back(l.name(), l.value());
    const auto labels = series_labels(texts);
    if (!labels) {
      rows.bad_labels +=
          std::max(1, ts.samples_size() + ts.histograms_size() + ts.exemplars_size());
      continue;
    }
    const std::string name = show(*labels);
    for (const auto& s : ts.samples())
      rows.samples.push_back(fmt::format("{} {} {} 0", name, s.timestamp(), bits(s.value())));
    for (const auto& h : ts.histograms())
      rows.histograms.push_back(fmt::format("{} {} 0 {}", name, h.timestamp(), show_theirs(h)));
    for (const auto& e : ts.exemplars()) {
      LabelTexts own;
      for (const auto& l : e.labels()) own.emplace_back(l.name(), l.value());
      std::sort(own.begin(), own.end());
      rows.exemplars.push_back(
          fmt::format("{} {} {} {}", name, e.timestamp(), bits(e.value()), show(own)));
    }
  }
  return rows;
}

inline WrittenRows rows_of(const io::prometheus::write::v2::Request& request) {
  WrittenRows rows;
  const auto resolve = [&](const auto& refs) -> std::optional<LabelTexts> {
    if (refs.size() % 2 != 0) return std::nullopt;
    LabelTexts texts;
    for (int i = 0; i < refs.size(); i += 2) {
      const auto most = static_cast<std::uint32_t>(request.symbols_size());
      if (refs[i] >= most || refs[i + 1] >= most) return std::nullopt;
      texts.emplace_back(request.symbols(static_cast<int>(refs[i])),
                         request.symbols(static_cast<int>(refs[i + 1])));
    }
    return texts;
  };
  for (const auto& ts : request.timeseries()) {
    auto labels = resolve(ts.labels_refs());
    if (labels) labels = series_labels(*labels);
    const auto there = [&](std::uint32_t ref) {
      return ref == 0 || ref < static_cast<std::uint32_t>(request.symbols_size());
    };
    if (!there(ts.metadata().help_ref()) || !there(ts.metadata().unit_ref())) labels.reset();
    const int items = ts.samples_size() + ts.histograms_size() + ts.exemplars_size();
    if (!labels) {
      rows.bad_labels += static_cast<std::size_t>(std::max(1, items));
      continue;
    }
    if (items == 0) ++rows.empty;
    // Until 2.0-rc.3 there was one start for the whole series, as field 6.
    std::int64_t created = 0;
    const auto& unknown = ts.GetReflection()->GetUnknownFields(ts);
    for (int i = 0; i < unknown.field_count(); ++i)
      if (unknown.field(i).number() == 6 &&
          unknown.field(i).type() == google::protobuf::UnknownField::TYPE_VARINT)
        created = static_cast<std::int64_t>(unknown.field(i).varint());
    const auto start = [&](std::int64_t own) { return own != 0 ? own : created; };
    const std::string name = show(*labels);
    for (const auto& s : ts.samples())
      rows.samples.push_back(fmt::format("{} {} {} {}", name, s.timestamp(), bits(s.value()),
                                         start(s.start_timestamp())));
    for (const auto& h : ts.histograms())
      rows.histograms.push_back(fmt::format("{} {} {} {}", name, h.timestamp(),
                                            start(h.start_timestamp()), show_theirs(h)));
    for (const auto& e : ts.exemplars()) {
      auto own = resolve(e.labels_refs());
      if (!own) {
        ++rows.bad_exemplars;
        continue;
      }
      std::sort(own->begin(), own->end());
      rows.exemplars.push_back(
          fmt::format("{} {} {} {}", name, e.timestamp(), bits(e.value()), show(*own)));
    }
  }
  return rows;
}

inline WrittenRows rows_of(const MetricColumns& columns, const model::SeriesTable& table) {
  WrittenRows rows;
  const auto name = [&](SeriesId id) {
    std::vector<model::Label> labels;
    table.labels(id, labels);
    LabelTexts texts;
    for (const auto& l : labels) texts.emplace_back(l.name, l.value);
    return show(texts);
  };
  for (std::size_t i = 0; i < columns.series.size(); ++i)
    rows.samples.push_back(fmt::format(
        "{} {} {} {}", name(columns.series[i]), columns.timestamp[i], bits(columns.value[i]),
        columns.start_timestamp.empty() ? 0 : columns.start_timestamp[i]));
  for (const HistogramSample& h : columns.histograms)
    rows.histograms.push_back(fmt::format("{} {} {} {}", name(h.series), h.timestamp,
                                          h.start_timestamp, show_ours(*h.histogram)));
  for (const Exemplar& e : columns.exemplars)
    rows.exemplars.push_back(
        fmt::format("{} {} {} {}", name(e.series), e.timestamp, bits(e.value), show(e.labels)));
  return rows;
}

/// Reads `body` with what was read before still known. Empty when our reader and libprotobuf agree;
/// else in what they differ. What is not UTF-8 is refused whole by libprotobuf, by us in part.
template <class Ours, class Theirs>
std::string read_difference(format::ReceivedSeries& known, format::RemoteWriteReader& reader,
                            std::string_view body, bool v2) {
  wire::Arena arena;
  Ours structs;
  const wire::DecodeError structure = wire::decode(body, structs, arena);
  MetricColumns columns;
  Reservation charge = Budget().charge(0, "test");
  format::MetadataBook book;
  format::RemoteWriteReader::Options options;
  options.metadata = &book;
  const auto report = v2 ? reader.read_v2(body, options, columns, charge)
                         : reader.read_v1(body, options, columns, charge);
  const WrittenRows ours = rows_of(columns, known.table());
  if (structure == wire::DecodeError::not_utf8) return "";
  if ((structure == wire::DecodeError::none) != report.has_value())
    return "structs: " + std::string(wire::to_string(structure)) +
           ", reader: " + (report ? "whole" : report.error().what());
  if (!report) return "";
  Theirs message;
  if (!oracle_parse(body, message)) return "libprotobuf does not take it";
  const WrittenRows theirs = rows_of(message);
  using Fault = format::WriteFault;
  const auto refused = [&](Fault fault) {
    return report->refused[static_cast<std::size_t>(fault)];
  };
  if (ours.samples != theirs.samples) return "other samples";
  if (ours.exemplars != theirs.exemplars) return "other exemplars";
  if (refused(Fault::labels) + refused(Fault::metadata) != theirs.bad_labels)
    return "other series refused";
  if (refused(Fault::exemplar) != theirs.bad_exemplars) return "other exemplars refused";
  if (refused(Fault::empty) != theirs.empty) return "other series are empty";
  if (ours.histograms.size() + refused(Fault::histogram) != theirs.histograms.size())
    return "other histograms";
  auto next = theirs.histograms.begin();
  for (const std::string& h : ours.histograms) {
    next = std::find(next, theirs.histograms.end(), h);
    if (next == theirs.histograms.end()) return "a histogram that is not there";
    ++next;
  }
  if (report->samples != ours.samples.size() || report->histograms != ours.histograms.size() ||
      report->exemplars != ours.exemplars.size())
    return "the report counts others";
  if ((report->all_refused() == 0) != report->first.empty()) return "no sentence";
  return "";
}

}  // namespace collector
