// A target whose exposition is known is read in short ways: whatever it changes to, the result is
// that of a target that is seen for the first time, and stale markers for what is gone.
#include "catch.hpp"
#include "scrape_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>

using namespace collector;

namespace {

/// An exposition that changes a little from one scrape to the next.
class Changing {
 public:
  explicit Changing(unsigned seed) : random_(seed) {
    for (int i = 0; i < 12; ++i) families_.push_back(family());
  }

  std::string body(bool open_metrics) const {
    std::string out;
    for (const Family& f : families_) {
      if (f.commented && !open_metrics) out += f.blank ? "\n# by the way\n" : "# by the way\n";
      if (f.help) out += fmt::format("# HELP {} what it is, {}\n", f.name, f.version);
      if (f.type) out += fmt::format("# TYPE {} {}\n", f.name, f.type);
      if (f.blank && !open_metrics) out += "\n";
      for (const Series& s : f.series) out += fmt::format("{} {}\n", s.text, s.value);
    }
    return out + (open_metrics ? "# EOF\n" : "");
  }

  void change() {
    for (Family& f : families_)
      for (Series& s : f.series)
        if (below(3) == 0) s.value = value();
    if (below(2) == 0) return;
    for (std::size_t n = 1 + below(3); n > 0; --n) {
      Family& f = families_[below(families_.size())];
      switch (below(9)) {
        case 0:
          ++f.version;
          break;
        case 1:
          f.help = !f.help;
          break;
        case 2:
          f.type = type();
          break;
        case 3:
          f.commented = !f.commented;
          break;
        case 4:
          f.series.insert(f.series.begin() + static_cast<long>(below(f.series.size() + 1)),
                          series(f.name));
          break;
        case 5:
          if (!f.series.empty())
            f.series.erase(f.series.begin() + static_cast<long>(below(f.series.size())));
          break;
        case 6:
          f = family();
          break;
        case 7:
          std::swap(f, families_[below(families_.size())]);
          break;
        default:
          f.blank = !f.blank;
      }
    }
  }

 private:
  struct Series {
    std::string text, value;
  };
  struct Family {
    std::string name;
    int version = 0;
    bool help = true, commented = false, blank = false;
    const char* type = nullptr;
    std::vector<Series> series;
  };

  std::size_t below(std::size_t n) { return random_() % n; }
  const char* type() {
    static constexpr const char* kTypes[] = {nullptr, "counter", "gauge", "histogram", "summary"};
    return kTypes[below(5)];
  }
  std::string value() {
    static const std::vector<std::string> kValues{"0",    "1",   "42",   "123456789012345",
                                                  "-1.5", "NaN", "1e6",  "1234567890123456",
                                                  "007",  "+7",  "+Inf", "0.25"};
    return kValues[below(kValues.size())];
  }
  Series series(const std::string& family) {
    const std::string label = below(2) == 0   ? fmt::format("{{le=\"{}\"}}", below(9))
                              : below(2) == 0 ? fmt::format("{{quantile=\"0.{}\"}}", below(9))
                                              : fmt::format("{{n=\"{}\"}}", below(9));
    return {family + label, value()};
  }
  Family family() {
    Family f;
    f.name = fmt::format("family_{}", below(30));
    f.help = below(3) > 0;
    f.type = type();
    for (std::size_t n = below(6); n > 0; --n) f.series.push_back(series(f.name));
    return f;
  }

  std::mt19937 random_;
  std::vector<Family> families_;
};

std::string series_of(const std::string& sample) { return sample.substr(0, sample.rfind(' ')); }

Samples metadata_of(const Target& t) {
  Samples out;
  if (t.columns.metadata)
    for (const Metadata& m : *t.columns.metadata)
      out.push_back(fmt::format("{} {} {}", m.family, static_cast<int>(m.type), m.help));
  return out;
}

}  // namespace

TEST_CASE("what a known target says is what it says to a stranger") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    const bool open_metrics = seed % 2 == 0;
    Changing exposition(seed);
    Target known;
    known.settings.type_and_unit_labels = seed % 7 == 0;
    if (open_metrics) known.settings.format = format::Exposition::open_metrics;
    Samples before;
    for (std::int64_t now = 1; now <= 40; ++now) {
      CAPTURE(now);
      const std::string body = exposition.body(open_metrics);
      CAPTURE(body);
      Target stranger;
      stranger.settings = known.settings;
      const Samples want = stranger.scrape(body, now);
      Samples got = known.scrape(body, now);
      REQUIRE(known.error == stranger.error);
      REQUIRE(metadata_of(known) == metadata_of(stranger));
      std::set<std::string> gone, stale;
      for (const std::string& s : before) gone.insert(series_of(s));
      for (const std::string& s : want) gone.erase(series_of(s));
      const auto marker = std::stable_partition(got.begin(), got.end(), [](const std::string& s) {
        return s.find(" stale@") == std::string::npos;
      });
      for (auto at = marker; at != got.end(); ++at) stale.insert(series_of(*at));
      got.erase(marker, got.end());
      REQUIRE(got == want);
      REQUIRE(stale == gone);
      before = want;
      exposition.change();
    }
  }
}

TEST_CASE("a type that changes makes other series of the same lines") {
  Target t;
  t.settings.labels = {};
  const auto body = [](const char* type) {
    return fmt::format("# TYPE a gauge\na 1\n# TYPE h {}\n# HELP h x\nh{{le=\"1\"}} 2\n", type);
  };
  for (std::int64_t now : {1, 2})
    CHECK(t.scrape(body("histogram"), now).back().starts_with("h{le=\"1.0\"}"));
  const Samples changed = t.scrape(body("gauge"), 3);
  CHECK(changed == Samples{"a 1@3", "h{le=\"1\"} 2@3", "h{le=\"1.0\"} stale@3"});
  CHECK(t.scrape(body("gauge"), 4) == Samples{"a 1@4", "h{le=\"1\"} 2@4"});
}

TEST_CASE("metadata is what the last exposition says, however much of it was known") {
  const auto with = [](const std::string& help_b, const std::string& b, const std::string& end) {
    return "# TYPE a gauge\na 1\n" + help_b + b + "# TYPE c counter\nc 1\n" + end;
  };
  const std::string sample = "b 1\n", trailing = "# TYPE z gauge\n";
  const std::string bodies[] = {with("", sample, ""),
                                with("# HELP b x\n", sample, ""),
                                with("# HELP b x\n", sample, trailing),
                                with("# HELP b y\n", sample, trailing),
                                with("\n# HELP b y\n", sample, trailing + "\n"),
                                with("# HELP b y\n", "", ""),
                                with("# TYPE b histogram\n", sample, "# HELP b late\n"),
                                sample};
  for (const std::string& first : bodies)
    for (const std::string& second : bodies)
      for (const int times : {1, 3}) {
        CAPTURE(first, second, times);
        Target known, stranger;
        std::int64_t now = 1;
        for (int i = 0; i < times; ++i) known.scrape(first, now++);
        for (int i = 0; i < 2; ++i) {
          known.scrape(second, now);
          stranger.scrape(second, now++);
          CHECK(metadata_of(known) == metadata_of(stranger));
        }
      }
}

TEST_CASE("what was known in one format is not known in the other") {
  Target t;
  const std::string body = "# foo\n# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n";
  t.scrape(body, 1);
  t.scrape(body, 2);
  t.settings.format = format::Exposition::open_metrics;
  t.scrape(body, 3);
  CHECK(t.error.find("line 1") != std::string::npos);
  const std::string strict = body.substr(6);
  t.scrape(strict, 4);
  t.scrape(strict, 5);
  CHECK(t.columns.metadata->front().unit == "seconds");
  t.settings.format = format::Exposition::text;
  t.scrape(strict, 6);
  CHECK(t.columns.metadata->front().unit.empty());
}

TEST_CASE("an error behind known comments has its line") {
  Target t;
  const std::string good = "# TYPE a gauge\n# HELP a x\na 1\n# TYPE b gauge\nb 1\n";
  t.scrape(good, 1);
  t.scrape(good, 2);
  t.scrape(good + "c{{ 1\n", 3);
  CHECK(t.error.find("line 6") != std::string::npos);
}

TEST_CASE("values in the short way and in the long one") {
  Target t;
  t.settings.labels = {};
  for (const char* value : {"5", "55", "999999999999999", "1000000000000001", "0", "007"}) {
    const std::string body = fmt::format("a{{b=\"c\"}} {}\n", value);
    const std::string joined = fmt::format("a{{b=\"c\"}}{}\n", value);
    const double want = std::stod(value);
    for (const std::string& text : {body, body, joined, body + "d 1 5\n"}) {
      CAPTURE(text);
      t.scrape(text, 1);
      REQUIRE(t.error.empty());
      CHECK(t.columns.value.front() == want);
    }
  }
  const auto of = [&](const char* text) {
    const Samples samples = t.scrape(text, 1);
    return t.error.empty() ? samples.front() : "error";
  };
  for (int i = 0; i < 2; ++i) {
    CHECK(of("a 5") == "a 5@1");
    CHECK(of("a  5\n") == "a 5@1");
    CHECK(of("a\t5\r\n") == "a 5@1");
    CHECK(of("a 5 6\n") == "a 5@6");
    CHECK(of("a \n") == "error");
  }
}
