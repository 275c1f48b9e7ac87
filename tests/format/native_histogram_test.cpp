// Expected values are worked out by hand from prometheus.io/docs/specs/native_histograms: bucket i
// of schema s ends at 2^(i * 2^-s), so bucket i of schema s lies in bucket ceil(i / 2) of s - 1.
#include "format/native_histogram.hpp"
#include "catch.hpp"
#include "format/nhcb.hpp"

#include <cmath>
#include <limits>

using namespace collector;
using Span = NativeHistogram::Span;
using Deltas = std::vector<std::int64_t>;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

NativeHistogram integer(std::vector<Span> spans, Deltas deltas, std::uint64_t count) {
  NativeHistogram h;
  h.schema = 1;
  h.count = count;
  h.positive = {std::move(spans), std::move(deltas), {}};
  return h;
}
std::string complaint(const NativeHistogram& h) { return format::check(h).what(); }

}  // namespace

TEST_CASE("what a native histogram must be") {
  // Counts 1, 3, 0, 2 in buckets -1, 0, 3, 4.
  const NativeHistogram good = integer({{-1, 2}, {2, 2}}, {1, 2, -3, 2}, 6);
  CHECK(format::check(good).ok());
  NativeHistogram h = good;
  h.count = 7;
  CHECK(complaint(h).find("6 observations") != std::string::npos);
  h.sum = std::nan("");  // what is not a number is in no bucket
  CHECK(format::check(h).ok());
  h.count = 5;
  CHECK(!format::check(h).ok());
  h = good;
  h.positive.deltas.pop_back();
  CHECK(complaint(h).find("spans need 4 buckets") != std::string::npos);
  h = good;
  h.positive.spans[1].offset = -1;
  CHECK(!format::check(h).ok());
  h = good;
  h.positive.deltas[1] = -2;
  CHECK(complaint(h).find("below 0") != std::string::npos);
  h = good;
  h.positive.deltas[1] = std::numeric_limits<std::int64_t>::max();
  CHECK(!format::check(h).ok());
  h = good;
  h.schema = 53;
  CHECK(!format::check(h).ok());
  h = good;
  h.positive.spans[0].offset = std::numeric_limits<std::int32_t>::max();
  CHECK(!format::check(h).ok());
}

TEST_CASE("empty buckets go, and spans follow") {
  NativeHistogram h = integer({{-2, 3}, {0, 3}, {1, 1}}, {0, 1, -1, 0, 2, -2, 0}, 3);
  format::compact(h, 0);  // counts 0 1 0 | 0 2 0 | 0 at -2 -1 0 | 1 2 3 | 5
  CHECK(h.positive.spans == std::vector<Span>{{-1, 1}, {2, 1}});
  CHECK(h.positive.deltas == Deltas{1, 1});
  NativeHistogram none = integer({{0, 0}}, {}, 0);
  format::compact(none, 0);
  CHECK(none.positive.spans.empty());
}

TEST_CASE("a coarser schema merges pairs of buckets") {
  // Schema 1, counts 1 2 3 4 in buckets 0 1 2 3 and 5 in bucket 10: schema 0 has them in
  // 0, 1, 1, 2 and 5.
  NativeHistogram h = integer({{0, 4}, {6, 1}}, {1, 1, 1, 1, 1}, 15);
  format::reduce_resolution(h, 0);
  CHECK(h.schema == 0);
  CHECK(h.positive.spans == std::vector<Span>{{0, 3}, {2, 1}});
  CHECK(h.positive.deltas == Deltas{1, 4, -1, 1});  // 1 5 4 5
  CHECK(format::check(h).ok());
  NativeHistogram below = integer({{-3, 3}}, {1, 1, 1}, 6);  // -3 -2 -1 lie in -1 -1 0
  format::reduce_resolution(below, 0);
  CHECK(below.positive.spans == std::vector<Span>{{-1, 2}});
  CHECK(below.positive.deltas == Deltas{3, 0});
  NativeHistogram floats;
  floats.is_float = true;
  floats.schema = 2;
  floats.negative = {{{1, 4}}, {}, {0.5, 1, 2, 4}};
  format::reduce_resolution(floats, 0);  // 1..4 lie in 1
  CHECK(floats.negative.counts == std::vector<double>{7.5});
  CHECK(format::bucket_count(floats) == 1);
}

TEST_CASE("the finest schema whose buckets grow by a factor") {
  // 2^(2^-8) is 1.00271, 2^(2^-3) is 1.0905, 2^(2^-2) is 1.1892 (the specification's table).
  CHECK(format::schema_for(0) == 8);
  CHECK(format::schema_for(1.002) == 8);
  CHECK(format::schema_for(1.09) == 3);
  CHECK(format::schema_for(1.1) == 2);
  CHECK(format::schema_for(2) == 0);
  CHECK(format::schema_for(65536) == -4);
  CHECK(format::schema_for(1e300) == -4);
}

TEST_CASE("bounds") {
  NativeHistogram h;
  h.schema = 0;
  CHECK(format::upper_bound(h, 3) == 8);
  CHECK(format::upper_bound(h, -1) == 0.5);
  h.schema = -2;
  CHECK(format::upper_bound(h, 1) == 16);
  h.schema = NativeHistogram::kCustomBuckets;
  h.custom_values = {0.5, 1};
  CHECK(format::upper_bound(h, 1) == 1);
  CHECK(format::upper_bound(h, 2) == kInfinity);
}

TEST_CASE("a classic histogram becomes one with custom buckets") {
  format::ClassicHistogram classic;
  classic.bucket(1, 3);
  classic.bucket(0.5, 1);
  classic.bucket(1, 99);  // the first of two counts
  classic.bucket(kInfinity, 7);
  classic.sum(4.5);
  classic.count(7);
  const auto h = classic.convert();
  REQUIRE(h.has_value());
  CHECK(h->schema == -53);
  CHECK(h->custom_values == std::vector<double>{0.5, 1});
  CHECK(h->positive.spans == std::vector<Span>{{0, 3}});
  CHECK(h->positive.deltas == Deltas{1, 1, 2});  // 1 2 4
  CHECK(h->count == 7);
  CHECK(h->sum == 4.5);
  CHECK(!h->is_float);
  CHECK(format::check(*h).ok());

  classic.clear();  // without +Inf and count the last bucket is all
  classic.bucket(1, 0);
  classic.bucket(2, 0);
  classic.bucket(3, 0);
  classic.bucket(4, 2.5);
  const auto f = classic.convert();
  REQUIRE(f.has_value());
  CHECK(f->is_float);
  CHECK(f->float_count == 2.5);
  CHECK(f->positive.spans == std::vector<Span>{{3, 1}});
  CHECK(f->positive.counts == std::vector<double>{2.5});
}

TEST_CASE("a classic histogram that does not add up") {
  format::ClassicHistogram classic;
  classic.bucket(1, 3);
  classic.bucket(2, 2);
  CHECK(classic.convert().error().what().find("not cumulative") != std::string::npos);
  classic.clear();
  classic.bucket(kInfinity, 3);
  classic.count(4);
  CHECK(!classic.convert().has_value());
  classic.clear();
  classic.bucket(1, -1);
  CHECK(!classic.convert().has_value());
  classic.clear();
  classic.bucket(std::nan(""), 1);
  CHECK(!classic.convert().has_value());
}
