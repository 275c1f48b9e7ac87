// prometheus.exporter.static: metrics that stand in the configuration as text, as a target.
#include "format/exposition.hpp"
#include "model/labels.hpp"
#include "pipeline/until_stopped.hpp"
#include "receive/components.hpp"
#include "receive/in_process_exporter.hpp"

#include <fmt/format.h>

#include <set>

namespace collector::receive {
namespace {

/// What may follow a family's name in its series.
constexpr std::string_view kSuffixes[] = {"_bucket", "_sum", "_count", "_total"};

/// What Prometheus' text parser (prometheus/common, expfmt) demands of a text as a whole: TYPE
/// comes once and before the samples of its family, HELP once.
class FamilyOrder {
 public:
  Status see(const format::ExpositionLine& line, std::string_view name) {
    using Kind = format::ExpositionLine::Kind;
    if (line.kind == Kind::help && !helped_.emplace(line.family).second)
      return {Code::invalid_argument, fmt::format("second HELP line for metric {}", line.family)};
    if (line.kind == Kind::type) {
      if (!typed_.emplace(line.family).second || sampled_.contains(std::string(line.family)))
        return {
            Code::invalid_argument,
            fmt::format("second TYPE line for metric {}, or TYPE after its samples", line.family)};
    }
    if (line.kind == Kind::sample) sampled_.insert(family_of(name));
    return {};
  }

 private:
  std::string family_of(std::string_view name) const {
    for (const std::string_view suffix : kSuffixes) {
      if (name.size() <= suffix.size() || name.substr(name.size() - suffix.size()) != suffix)
        continue;
      std::string family(name.substr(0, name.size() - suffix.size()));
      if (typed_.contains(family)) return family;
    }
    return std::string(name);
  }
  std::set<std::string, std::less<>> helped_, typed_, sampled_;
};

Status check_exposition(const std::string& text) {
  format::ExpositionReader reader(text, format::Exposition::text);
  FamilyOrder order;
  std::vector<model::Label> labels;
  std::string storage;
  for (;;) {
    auto line = reader.next();
    if (!line) return line.error();
    if (!*line) return {};
    std::string_view name;
    if ((*line)->kind == format::ExpositionLine::Kind::sample) {
      labels.clear();
      if (Status s = format::ExpositionReader::read_labels((*line)->series, labels, storage);
          !s.ok())
        return s.in(fmt::format("series {}", (*line)->series));
      for (const model::Label& label : labels) {
        if (label.name == model::kNameLabel) name = label.value;
        const bool fine = label.name == model::kNameLabel
                              ? model::is_legacy_metric_name(label.value)
                              : model::is_legacy_label_name(label.name);
        if (!fine)
          return {Code::invalid_argument,
                  fmt::format("series {}: names other than ASCII letters, digits and underscores "
                              "have no place here",
                              (*line)->series)};
      }
    }
    if (Status s = order.see(**line, name); !s.ok()) return s;
  }
}

struct StaticExporterArgs {
  std::string text;

  Status validate() const {
    Status status = check_exposition(text);
    if (status.ok()) return status;
    return {Code::invalid_argument, "text: " + status.what()};
  }
  static constexpr auto fields() {
    return std::tuple{
        attr<&StaticExporterArgs::text>("text", "Metrics in Prometheus' text format.")};
  }
};

class StaticExporter final : public Component<StaticExporterArgs, ExporterExports> {
 public:
  explicit StaticExporter(Context& context) : Component(context) {}

  Task<Status> run() override {
    co_await pipeline::until_stopped(context().loop(), context().stop());
    co_return Status();
  }

  Task<net::Response> serve(net::Request request) override {
    if (!asks_for_metrics(request)) {
      net::Response missing;
      missing.status = 404;
      co_return missing;
    }
    net::Response response = exposition(text_);
    co_return response;
  }

 protected:
  Status update(StaticExporterArgs args) override {
    text_ = std::move(args.text);
    // The blank lines around a raw string of the language are not worth sending.
    const std::size_t begin = std::min(text_.find_first_not_of(" \t\r\n"), text_.size());
    text_.erase(0, begin);
    while (!text_.empty() &&
           std::string_view(" \t\r\n").find(text_.back()) != std::string_view::npos)
      text_.pop_back();
    if (!text_.empty()) text_ += '\n';
    set_exports({{in_process_target(context(), "integrations/static", context().id())}});
    return {};
  }

 private:
  std::string text_;
};

}  // namespace

Definition prometheus_exporter_static() {
  return define<StaticExporter>("prometheus.exporter.static",
                                "Metrics that stand in the configuration as text.");
}

}  // namespace collector::receive
