// local.file: a file's content as a value, read again when it changes.
#include "base/log.hpp"
#include "discover/components.hpp"
#include "discover/exports.hpp"
#include "discover/pause.hpp"
#include "pipeline/own_metrics.hpp"

namespace collector::discover {
namespace {

constexpr std::size_t kLargestFile = 64U << 20;
/// Between a change and the read, so that a write in several steps is seen whole.
constexpr Duration kSettle = std::chrono::milliseconds(30);

struct LocalFileArgs {
  std::string filename;
  std::string detector = "fsnotify";
  Duration poll_frequency = std::chrono::minutes(1);
  bool is_secret = false;

  Status validate() const {
    if (detector != "fsnotify" && detector != "poll")
      return {Code::invalid_argument,
              "detector must be \"fsnotify\" or \"poll\", not \"" + detector + "\""};
    if (poll_frequency.count() <= 0)
      return {Code::invalid_argument, "poll_frequency must be greater than 0"};
    return {};
  }
  static constexpr auto fields() {
    return std::tuple{
        attr<&LocalFileArgs::filename>("filename", "Path of the file.").required(),
        attr<&LocalFileArgs::detector>("detector", "How changes are noticed: fsnotify or poll."),
        attr<&LocalFileArgs::poll_frequency>("poll_frequency",
                                             "How often to look, also beside notifications."),
        attr<&LocalFileArgs::is_secret>("is_secret", "The content is a secret.")};
  }
};

class LocalFile final : public Component<LocalFileArgs, ContentExports> {
 public:
  explicit LocalFile(Context& context)
      : Component(context),
        accessed_(context.metrics().gauge("local_file_timestamp_last_accessed_unix_seconds",
                                          "The last successful access in unix seconds")) {}

  Task<Status> run() override {
    while (!context().stop().stop_requested()) {
      watch();
      co_await pause_.wait(context().loop(), args_.poll_frequency, context().stop());
      const bool slept = co_await sleep_for(context().loop(), kSettle, context().stop());
      if (!slept) break;
      const Status read = this->read();
      if (read.ok()) {
        context().work_completed();
      } else {
        context().work_waiting(1, "read_failed: " + read.what());
        context().log().error("failed to read file",
                              {{"path", args_.filename}, {"err", read.what()}});
      }
    }
    watch_ = nullptr;
    co_return Status();
  }

 protected:
  Status update(LocalFileArgs args) override {
    const LocalFileArgs old = std::exchange(args_, std::move(args));
    if (Status s = read(); !s.ok()) {
      args_ = old;
      return s.in("failed to read file");
    }
    watch_ = nullptr;
    pause_.wake();
    return {};
  }

 private:
  Status read() {
    auto text = context().seams().files.read(args_.filename, kLargestFile);
    if (!text) return text.error();
    accessed_.set(static_cast<double>(context().loop().wall().unix_ns) / 1e9);
    set_exports({{std::move(*text), args_.is_secret}});
    return {};
  }

  void watch() {
    if (watch_ || args_.detector != "fsnotify") return;
    // The directory: most writers replace the file by a rename.
    const auto slash = args_.filename.rfind('/');
    const std::string directory = slash == std::string::npos ? "."
                                  : slash == 0               ? "/"
                                                             : args_.filename.substr(0, slash);
    auto watched = context().seams().network.watch(directory, [this] { pause_.wake(); });
    if (watched) watch_ = std::move(*watched);
  }

  pipeline::Gauge& accessed_;
  LocalFileArgs args_;
  std::shared_ptr<void> watch_;
  Pause pause_;
};

}  // namespace

Definition local_file() {
  return define<LocalFile>("local.file", "Exports the content of a file.");
}

}  // namespace collector::discover
