// textfile: metrics that other programs leave as *.prom files in a folder.
#include "format/exposition.hpp"
#include "format/type_label.hpp"
#include "receive/unix/collectors.hpp"

#include <fmt/format.h>

#include <map>

namespace collector::receive::unix_host {
namespace {

constexpr std::size_t kLargestFile = 64U << 20;

/// A family as one file has it.
struct FileFamily {
  std::string type = "untyped";
  std::optional<std::string> help;
  std::vector<std::string> samples;
};
using FileFamilies = std::map<std::string, FileFamily>;

std::string_view type_name(MetricType type) {
  const bool known = type == MetricType::counter || type == MetricType::gauge ||
                     type == MetricType::histogram || type == MetricType::summary;
  return known ? format::type_label(type) : "untyped";
}

/// Help texts escape backslashes and line feeds.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size();
    if (escape) ++i;
    out += escape && text[i] == 'n' ? '\n' : text[i];
  }
  return out;
}

/// The family that a sample belongs to: histograms and summaries have samples of other names.
std::string family_of(const FileFamilies& families, std::string_view series) {
  const std::string name(series.substr(0, series.find_first_of("{ ")));
  for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
    if (!std::string_view(name).ends_with(suffix)) continue;
    const auto at = families.find(name.substr(0, name.size() - suffix.size()));
    if (at == families.end()) continue;
    const bool has_it =
        at->second.type == "histogram" || (at->second.type == "summary" && suffix != "_bucket");
    if (has_it) return at->first;
  }
  return name;
}

Result<FileFamilies> parse(std::string_view text) {
  FileFamilies families;
  format::ExpositionReader reader(text, format::Exposition::text);
  const char* base = text.data();
  for (;;) {
    auto line = reader.next();
    if (!line) return line.error();
    if (!*line) return families;
    using Kind = format::ExpositionLine::Kind;
    const format::ExpositionLine& l = **line;
    if (l.kind == Kind::help) {
      // An empty help is none.
      if (!l.text.empty()) families[std::string(l.family)].help = unescaped(l.text);
    } else if (l.kind == Kind::type) {
      families[std::string(l.family)].type = type_name(l.type);
    } else if (l.kind == Kind::sample) {
      if (l.timestamp) return Status(Code::invalid_argument, "unsupported client-side timestamps");
      const auto from = static_cast<std::size_t>(l.series.data() - base);
      const std::string_view whole = text.substr(from, text.find('\n', from) - from);
      families[family_of(families, l.series)].samples.emplace_back(trim(whole));
    }
  }
}

class Textfile {
 public:
  explicit Textfile(const Arguments& arguments) : directory_(arguments.textfile.directory) {}

  Status collect(const Host& host, Families& out) const {
    bool wrong = false;
    std::map<std::string, std::vector<std::pair<std::string, FileFamily>>> merged;
    std::map<std::string, double> modified;
    auto entries = host.seams.files.list(directory_);
    if (!entries && !directory_.empty()) {
      wrong = true;
      host.log.error("failed to read textfile collector directory",
                     {{"path", directory_}, {"err", entries.error().what()}});
    }
    if (entries)
      for (const DirectoryEntry& entry : *entries) {
        if (!entry.name.ends_with(".prom")) continue;
        const std::string path = Host::join(directory_, entry.name);
        auto text = host.seams.files.read(path, kLargestFile);
        auto families = text ? parse(*text) : Result<FileFamilies>(text.error());
        if (!families) {
          wrong = true;
          host.log.error("failed to collect textfile data",
                         {{"file", path}, {"err", families.error().what()}});
          continue;
        }
        if (auto info = host.seams.files.info(path))
          modified[path] = static_cast<double>(info->modified.unix_ns / 1'000'000'000);
        for (auto& [name, family] : *families)
          if (!family.samples.empty()) merged[name].emplace_back(path, std::move(family));
      }
    for (const auto& [name, parts] : merged) wrong |= !write(host, name, parts, out);
    for (const auto& [path, seconds] : modified)
      out.gauge("node_textfile_mtime_seconds", "Unixtime mtime of textfiles successfully read.",
                seconds, {{"file", path}});
    out.gauge("node_textfile_scrape_error",
              "1 if there was an error opening or reading a file, 0 otherwise", wrong ? 1 : 0);
    return {};
  }

 private:
  /// False when files disagree about the help text: the first one counts, the other is left out.
  static bool write(const Host& host, const std::string& name,
                    const std::vector<std::pair<std::string, FileFamily>>& parts, Families& out) {
    std::string paths;
    for (const auto& [path, family] : parts) paths += (paths.empty() ? "" : ", ") + path;
    const std::string help = parts[0].second.help.value_or("Metric read from " + paths);
    bool agree = true;
    for (const auto& [path, family] : parts) {
      if (family.help && *family.help != help) {
        agree = false;
        host.log.error("inconsistent metric help text", {{"metric", name}, {"file", path}});
        continue;
      }
      for (const std::string& sample : family.samples)
        out.line(name, parts[0].second.type, help, sample);
    }
    return agree;
  }

  std::string directory_;
};

}  // namespace

Collect make_textfile(const Arguments& arguments) {
  return [textfile = Textfile(arguments)](const Host& host, Families& out) {
    return textfile.collect(host, out);
  };
}

}  // namespace collector::receive::unix_host
