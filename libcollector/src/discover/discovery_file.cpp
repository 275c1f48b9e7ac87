// discovery.file: targets from JSON and YAML files, read again when they change.
#include "base/log.hpp"
#include "discover/components.hpp"
#include "discover/exports.hpp"
#include "discover/glob.hpp"
#include "discover/pause.hpp"
#include "discover/target_groups.hpp"
#include "pipeline/own_metrics.hpp"

#include <algorithm>
#include <set>

namespace collector::discover {
namespace {

constexpr std::size_t kLargestFile = 64U << 20;
/// A writer that replaces several files is awaited this long.
constexpr Duration kSettle = std::chrono::milliseconds(50);

std::string_view extension(std::string_view path) {
  const auto slash = path.rfind('/');
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos || (slash != std::string_view::npos && dot < slash)) return {};
  return path.substr(dot);
}

std::optional<GroupFormat> format_of(std::string_view path) {
  std::string ext(extension(path));
  for (char& c : ext) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (ext == ".json") return GroupFormat::json;
  if (ext == ".yml" || ext == ".yaml") return GroupFormat::yaml;
  return std::nullopt;
}

struct FileDiscoveryArgs {
  std::vector<std::string> files;
  Duration refresh_interval = std::chrono::minutes(5);

  Status validate() const {
    if (files.empty()) return {Code::invalid_argument, "files must name at least one file"};
    if (refresh_interval.count() <= 0)
      return {Code::invalid_argument, "refresh_interval must be greater than 0"};
    for (const std::string& file : files) {
      const auto slash = file.rfind('/');
      const bool pattern_above = slash != std::string::npos &&
                                 file.substr(0, slash).find_first_of("*?[") != std::string::npos;
      if (pattern_above || !format_of(file) || !valid_glob(file))
        return {Code::invalid_argument,
                "path name \"" + file +
                    "\" is not valid for file discovery: it must end in .json, .yml or .yaml and "
                    "have patterns in its last part only"};
    }
    return {};
  }
  static constexpr auto fields() {
    return std::tuple{
        attr<&FileDiscoveryArgs::files>("files", "Files to read, their last part may be a pattern.")
            .required(),
        attr<&FileDiscoveryArgs::refresh_interval>("refresh_interval",
                                                   "How often to read them, changed or not.")};
  }
};

class FileDiscovery final : public Component<FileDiscoveryArgs, TargetExports> {
 public:
  explicit FileDiscovery(Context& context)
      : Component(context),
        errors_(context.metrics().counter("prometheus_sd_file_read_errors_total",
                                          "The number of File-SD read errors.")) {}

  Task<Status> run() override {
    while (!context().stop().stop_requested()) {
      watch();  // first, so that no change falls between
      refresh();
      co_await pause_.wait(context().loop(), args_.refresh_interval, context().stop());
      // What woke us may still be writing.
      const bool slept = co_await sleep_for(context().loop(), kSettle, context().stop());
      (void)slept;
    }
    watches_.clear();
    co_return Status();
  }

 protected:
  Status update(FileDiscoveryArgs args) override {
    args_ = std::move(args);
    std::erase_if(known_, [this](const auto& entry) { return !wanted(entry.first); });
    watches_.clear();
    publish();
    pause_.wake();
    return {};
  }

 private:
  bool wanted(const std::string& path) const {
    return std::any_of(args_.files.begin(), args_.files.end(),
                       [&](const std::string& pattern) { return glob_match(pattern, path); });
  }

  void refresh() {
    Files& files = context().seams().files;
    std::set<std::string> present;
    for (const std::string& pattern : args_.files) {
      for (const std::string& path : glob(files, pattern)) {
        if (!present.insert(path).second) continue;
        auto read = [&]() -> Result<std::vector<StringMap>> {
          auto text = files.read(path, kLargestFile);
          if (!text) return text.error();
          return parse_target_groups(*text, *format_of(path), {{"__meta_filepath", path}});
        }();
        if (read) {
          known_[path] = std::move(*read);
          continue;
        }
        // What the file said before stays in force.
        errors_.add();
        context().log().error("a file of targets cannot be read",
                              {{"path", path}, {"err", read.error().what()}});
      }
    }
    std::erase_if(known_, [&](const auto& entry) { return !present.contains(entry.first); });
    publish();
  }

  void publish() {
    TargetExports exports;
    for (const auto& [path, targets] : known_)
      exports.targets.insert(exports.targets.end(), targets.begin(), targets.end());
    set_exports(exports);
  }

  /// Directories are watched: files are replaced by renames.
  void watch() {
    for (const std::string& file : args_.files) {
      const auto slash = file.rfind('/');
      const std::string directory = slash == std::string::npos ? "."
                                    : slash == 0               ? "/"
                                                               : file.substr(0, slash);
      if (watches_.contains(directory)) continue;
      auto watched = context().seams().network.watch(directory, [this] { pause_.wake(); });
      if (watched) watches_[directory] = std::move(*watched);
    }
  }

  pipeline::Counter& errors_;
  FileDiscoveryArgs args_;
  std::map<std::string, std::vector<StringMap>> known_;
  std::map<std::string, std::shared_ptr<void>> watches_;
  Pause pause_;
};

}  // namespace

Definition discovery_file() {
  return define<FileDiscovery>("discovery.file", "Reads targets from JSON and YAML files.");
}

}  // namespace collector::discover
