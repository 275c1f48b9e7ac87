// Edges: what flows from one component to another, measured by the engine. One thread.
#pragma once

#include <collector/engine/signals.hpp>

#include "syntax/value.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace collector::pipeline {

/// What a MetricsReceiver refers to. Components hand it about as a capsule; when its component is
/// destroyed `sink` becomes null and what still arrives is refused.
struct ReceiverState final : syntax::Capsule {
  std::string node;  ///< id of the component that takes the batches
  Sink<Metrics>* sink = nullptr;
  std::string_view type_name() const override { return "storage.Appendable"; }
};

/// accepted = delivered + waiting + rejected, in samples, whenever nothing is on its way; what was
/// handed back (`retried`) was not accepted.
struct Edge {
  std::string from, to;
  std::uint64_t offered = 0;    ///< samples given to the receiver, again after a retry
  std::uint64_t bytes = 0;      ///< of what was offered
  std::uint64_t delivered = 0;  ///< includes what was filtered on purpose
  std::uint64_t rejected = 0;
  std::uint64_t retried = 0;
  std::uint64_t waiting = 0;  ///< offered and not yet settled
  std::uint64_t batches = 0;
  std::map<std::string, std::uint64_t> reasons;  ///< rejected samples by reason
  double latency_seconds = 0;                    ///< sum over settled batches
  std::string last_problem;
  std::vector<std::string> recent;  ///< live debugging: samples of the last batch as text
};

/// Edges live as long as somebody uses them.
class EdgeTable {
 public:
  std::shared_ptr<Edge> edge(const std::string& from, const std::string& to);
  /// In order of (from, to).
  std::vector<std::shared_ptr<const Edge>> all() const;
  /// Whether edges keep their recent samples.
  void record(bool on) { recording_ = on; }
  bool recording() const { return recording_; }

 private:
  std::map<std::pair<std::string, std::string>, std::weak_ptr<Edge>> edges_;
  bool recording_ = false;
};

}  // namespace collector::pipeline
