// remote_write_edit.hpp for 2.0, and several requests of it as one. Pure.
#pragma once

#include "format/remote_write_edit.hpp"
#include "format/symbol_table.hpp"

#include <span>
#include <vector>

namespace collector::format {

/// Makes one request of several: their symbols become one table, which has no text that nothing
/// refers to. Keeps its memory. One thread.
class RequestJoiner {
 public:
  Result<std::string> join(std::span<const std::string_view> bodies);

 private:
  bool add(std::string_view body);
  // Each writes to `p`, where there is room, and returns the end; null when the message is damaged.
  char* put_series(char* p, std::string_view series);
  template <std::uint64_t... numbers>
  char* put_fields(char* p, std::string_view message);
  char* put_packed(char* p, std::string_view packed);
  char* put_mapped(char* p, std::uint64_t ref);

  SymbolTable symbols_;
  std::vector<std::string_view> texts_;  ///< symbols of the body at hand
  std::vector<std::uint32_t> mapped_;    ///< what they are in symbols_
  std::vector<std::string_view> found_;  ///< series of the body at hand
  std::vector<char> one_, part_, refs_;  ///< scratch
  std::string series_;
};

Result<RequestCounts> count_v2(std::string_view body);
Result<RequestCounts> drop_older_v2(std::string& body, std::int64_t cutoff_ms);
Result<std::pair<RequestHalf, RequestHalf>> halve_v2(const std::string& body, CutAt at);

/// What a series was scraped from, or two empty texts.
struct SeriesSource {
  std::string_view job, instance;
  void see(std::string_view name, std::string_view value) {
    if (name == "job") job = value;
    if (name == "instance") instance = value;
  }
  auto operator<=>(const SeriesSource&) const = default;
};
/// The order in which series are cut, and how many are the first half: all where there is no place
/// to cut at. Those of a source lie together, and stay in order.
struct Halving {
  std::vector<std::uint32_t> order;
  std::size_t first = 0;
};
Halving halving_of(const std::vector<SeriesSource>& series, CutAt at);

}  // namespace collector::format
