// A collector's graph in a program's own hands: on the loop, files and network that it gives, with
// components of its own beside the built-in ones. One thread, the loop's.
#pragma once

#include <collector/engine/component.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector {

class Pipeline {
 public:
  struct Options {
    std::vector<Definition> components;    ///< all that a configuration may name
    std::string storage_path;              ///< empty: nothing is written to disk
    Function<void(std::string_view)> log;  ///< gets whole lines; empty: no log
    /// For `clustering` blocks; outlives the pipeline. Null: this pipeline is alone.
    sharding::Membership* cluster = nullptr;
  };
  /// What `seams` refers to outlives the pipeline. Stop it before it is destroyed.
  Pipeline(Seams seams, Options options);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();

  /// Makes the graph what `config` says, by difference. invalid_argument with every diagnostic
  /// drawn when it does not load; the running graph is then as it was.
  Task<Status> load(std::string config);
  /// Drains and stops; false when something did not end by `deadline`.
  Task<bool> stop(Instant deadline);

  /// What an `export` block of the configuration gave this name; empty when there is none.
  MetricsReceiver receiver(const std::string& export_name) const;
  /// A batch from exposition text (Prometheus text format 0.0.4), its series in this pipeline's
  /// table; samples without a timestamp get the present time.
  Result<Metrics> parse(std::string_view exposition, Ack ack);
  /// Hands `batch` to `receiver`; a receiver whose component left settles it as a retry.
  static void push(const MetricsReceiver& receiver, Metrics batch);

  /// The accounts of all destinations, by component id and destination name.
  std::map<std::pair<std::string, std::string>, Ledger> ledgers() const;
  /// The pipeline's own metrics as Prometheus text.
  std::string metrics_text();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The components that come with the library.
std::vector<Definition> builtin_components();

}  // namespace collector
