// local.file_match: expands path patterns of targets to the files that exist.
#include "base/log.hpp"
#include "discover/components.hpp"
#include "discover/exports.hpp"
#include "discover/glob.hpp"
#include "discover/pause.hpp"

namespace collector::discover {
namespace {

struct FileMatchArgs {
  std::vector<StringMap> path_targets;
  Duration sync_period = std::chrono::seconds(10);
  Duration ignore_older_than{};

  Status validate() const {
    if (sync_period.count() <= 0)
      return {Code::invalid_argument, "sync_period must be greater than 0"};
    return {};
  }
  static constexpr auto fields() {
    return std::tuple{
        attr<&FileMatchArgs::path_targets>(
            "path_targets",
            "Targets to expand by their __path__; what matches __path_exclude__ is left out.")
            .required(),
        attr<&FileMatchArgs::sync_period>("sync_period", "How often to look."),
        attr<&FileMatchArgs::ignore_older_than>(
            "ignore_older_than", "Leave out files that did not change for this long.")};
  }
};

std::string label(const StringMap& target, const char* name) {
  auto at = target.find(name);
  return at == target.end() ? std::string() : at->second;
}

class FileMatch final : public Component<FileMatchArgs, TargetExports> {
 public:
  using Component::Component;

  Task<Status> run() override {
    while (!context().stop().stop_requested()) {
      pause_.forget();
      expand();
      co_await pause_.wait(context().loop(), args_.sync_period, context().stop());
    }
    co_return Status();
  }

 protected:
  Status update(FileMatchArgs args) override {
    args_ = std::move(args);
    set_exports(TargetExports{known_});
    pause_.wake();
    return {};
  }

 private:
  void expand() {
    Files& files = context().seams().files;
    const std::int64_t now = context().loop().wall().unix_ns;
    known_.clear();
    for (const StringMap& target : args_.path_targets) {
      const std::string pattern = label(target, "__path__");
      const std::string exclude = label(target, "__path_exclude__");
      if (!valid_glob(pattern) || !valid_glob(exclude)) {
        context().log().error(
            "error getting paths",
            {{"path", pattern}, {"excluded", exclude}, {"err", "syntax error in pattern"}});
        continue;
      }
      for (std::string& path : glob(files, pattern)) {
        if (!exclude.empty() && glob_match(exclude, path)) continue;
        auto info = files.info(path);
        if (!info || info->kind == FileInfo::Kind::directory) continue;
        if (args_.ignore_older_than.count() > 0 &&
            info->modified.unix_ns < now - args_.ignore_older_than.count())
          continue;
        StringMap& found = known_.emplace_back(target);
        found["__path__"] = absolute(std::move(path));
      }
    }
    set_exports(TargetExports{known_});
  }

  std::string absolute(std::string path) {
    if (path.starts_with('/')) return path;
    auto here = context().seams().files.read_link("/proc/self/cwd");
    if (!here) return path;
    while (path.starts_with("./")) path.erase(0, 2);
    return *here + '/' + path;
  }

  FileMatchArgs args_;
  std::vector<StringMap> known_;
  Pause pause_;
};

}  // namespace

Definition local_file_match() {
  return define<FileMatch>("local.file_match",
                           "Expands path patterns of targets to the files that exist.");
}

}  // namespace collector::discover
