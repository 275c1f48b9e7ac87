// One collection of a Kubernetes API, listed once and then watched (kubernetes.io: API concepts,
// "Efficient detection of changes"). One loop.
#pragma once

#include "net/http_client_config.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace collector::platform {

/// Takes the objects. Between begin_list and end_list everything that there is comes by put; what
/// did not come is gone.
class KubernetesSink {
 public:
  virtual ~KubernetesSink() = default;
  virtual void begin_list() = 0;
  virtual void end_list() = 0;
  virtual void put(const nlohmann::json& object) = 0;
  virtual void remove(const nlohmann::json& object) = 0;
  /// After each answer and each failure; ok while the watch goes well.
  virtual void report(const Status& status) = 0;
};

struct KubernetesCollection {
  std::string url;  ///< https://host/api/v1/namespaces/x/pods
  std::string label_selector, field_selector;
};

class KubernetesWatch {
 public:
  /// All outlive run().
  KubernetesWatch(Loop& loop, Random& random, net::ConfiguredClient& client,
                  KubernetesCollection collection, KubernetesSink& sink);
  KubernetesWatch(const KubernetesWatch&) = delete;
  KubernetesWatch& operator=(const KubernetesWatch&) = delete;

  /// Until `stop` is requested. A watch that ends or breaks is resumed where it was; a version that
  /// the server forgot (410 Gone) leads to a new list.
  Task<void> run(std::stop_token stop);

 private:
  Task<Status> list(std::stop_token stop);
  Task<Status> watch(std::stop_token stop);
  Status event(std::string_view line);
  std::string target(std::string_view more) const;

  Loop& loop_;
  Random& random_;
  net::ConfiguredClient& client_;
  KubernetesCollection collection_;
  KubernetesSink& sink_;
  std::string version_;  ///< where to resume; empty: list first
};

}  // namespace collector::platform
