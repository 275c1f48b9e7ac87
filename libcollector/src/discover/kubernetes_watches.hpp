// The collections that a role of discovery.kubernetes needs, watched into one store. One loop.
#pragma once

#include "discover/kubernetes_targets.hpp"
#include "platform/kubernetes_watch.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace collector::discover::kubernetes {

struct Selector {
  std::string label, field;
};

struct WatchSettings {
  std::string server;
  net::HttpClientSettings http;
  Role role = Role::pod;
  Attach attach;
  std::vector<std::string> namespaces;        ///< empty: all
  std::map<std::string, Selector> selectors;  ///< by the role's name
};

class Watches {
 public:
  using Changed = std::function<void()>;
  using Report = std::function<void(const std::string& collection, const Status&)>;
  Watches(Seams& seams, WatchSettings settings, Changed changed, Report report);
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;
  ~Watches();

  /// Until stop() was called or `outer` is requested, and all watches have ended.
  Task<void> run(std::stop_token outer);
  void stop() { stop_.request_stop(); }

  /// True once every collection was listed.
  bool complete() const;
  std::vector<StringMap> targets() const;
  /// How many objects are held, for the component's page.
  std::size_t objects() const;

 private:
  class Collection;
  template <class T>
  class CollectionOf;
  template <class T>
  void add(const std::string& path, const std::string& role, Objects<T>& into, bool in_namespaces);

  Seams& seams_;
  WatchSettings settings_;
  Changed changed_;
  Report report_;
  net::ConfiguredClient client_;
  Store store_;
  std::vector<std::unique_ptr<Collection>> collections_;
  std::stop_source stop_;
  std::size_t running_ = 0;
  Function<void(bool)> ended_;
};

}  // namespace collector::discover::kubernetes
