#include "discover/kubernetes_watches.hpp"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace collector::discover::kubernetes {

/// One watch and the share of the store that is its own.
class Watches::Collection : public platform::KubernetesSink {
 public:
  Collection(Watches& watches, std::string path, platform::KubernetesCollection collection)
      : watches_(watches),
        path_(std::move(path)),
        watch_(watches.seams_.loop, watches.seams_.random, watches.client_, std::move(collection),
               *this) {}

  Task<void> run(std::stop_token stop) { return watch_.run(std::move(stop)); }
  bool listed() const { return listed_; }
  void report(const Status& status) override { watches_.report_(path_, status); }

 protected:
  Watches& watches_;
  bool listed_ = false;

 private:
  std::string path_;
  platform::KubernetesWatch watch_;
};

template <class T>
class Watches::CollectionOf final : public Collection {
 public:
  CollectionOf(Watches& watches, std::string path, platform::KubernetesCollection collection,
               Objects<T>& into)
      : Collection(watches, std::move(path), std::move(collection)), into_(into) {}

  void begin_list() override {
    listing_ = true;
    seen_.clear();
  }
  void end_list() override {
    for (const std::string& key : own_)
      if (!seen_.contains(key)) into_.erase(key);
    own_ = std::exchange(seen_, {});
    listing_ = false;
    listed_ = true;
    watches_.changed_();
  }
  void put(const nlohmann::json& object) override {
    T value;
    read(object, value);
    std::string key = value.meta.key();
    into_.insert_or_assign(key, std::move(value));
    if (listing_) {
      seen_.insert(std::move(key));
      return;
    }
    own_.insert(std::move(key));
    watches_.changed_();
  }
  void remove(const nlohmann::json& object) override {
    const std::string key = read_meta(object).key();
    own_.erase(key);
    into_.erase(key);
    watches_.changed_();
  }

 private:
  Objects<T>& into_;
  std::set<std::string> own_, seen_;
  bool listing_ = false;
};

Watches::Watches(Seams& seams, WatchSettings settings, Changed changed, Report report)
    : seams_(seams),
      settings_(std::move(settings)),
      changed_(std::move(changed)),
      report_(std::move(report)),
      client_(seams, settings_.http) {
  const std::string core = "/api/v1";
  switch (settings_.role) {
    case Role::node:
      add(core + "/nodes", "node", store_.nodes, false);
      break;
    case Role::pod:
      add(core + "/pods", "pod", store_.pods, true);
      break;
    case Role::service:
      add(core + "/services", "service", store_.services, true);
      break;
    case Role::endpoints:
      add(core + "/endpoints", "endpoints", store_.endpoints, true);
      break;
    case Role::endpoint_slice:
      add("/apis/discovery.k8s.io/v1/endpointslices", "endpointslice", store_.slices, true);
      break;
    case Role::ingress:
      add("/apis/networking.k8s.io/v1/ingresses", "ingress", store_.ingresses, true);
      break;
  }
  if (settings_.role == Role::endpoints || settings_.role == Role::endpoint_slice) {
    add(core + "/services", "service", store_.services, true);
    add(core + "/pods", "pod", store_.pods, true);
  }
  if (settings_.attach.node) add(core + "/nodes", "node", store_.nodes, false);
  if (settings_.attach.ns) add(core + "/namespaces", "namespace", store_.namespaces, false);
}

Watches::~Watches() = default;

template <class T>
void Watches::add(const std::string& path, const std::string& role, Objects<T>& into,
                  bool in_namespaces) {
  const Selector selector = settings_.selectors[role];
  std::vector<std::string> namespaces = settings_.namespaces;
  if (!in_namespaces || namespaces.empty()) namespaces = {""};
  for (const std::string& ns : namespaces) {
    std::string full = path;
    if (!ns.empty()) full.insert(full.rfind('/'), "/namespaces/" + net::url_encode(ns));
    collections_.push_back(std::make_unique<CollectionOf<T>>(
        *this, full,
        platform::KubernetesCollection{settings_.server + full, selector.label, selector.field},
        into));
  }
}

Task<void> Watches::run(std::stop_token outer) {
  auto pass_on = [this] { stop_.request_stop(); };
  const std::stop_callback on_stop(outer, pass_on);
  for (const auto& collection : collections_) {
    ++running_;
    spawn(collection->run(stop_.get_token()), [this] {
      if (--running_ == 0)
        if (auto done = std::exchange(ended_, nullptr)) done(true);
    });
  }
  auto all_ended = [this](Function<void(bool)> done) {
    if (running_ == 0)
      done(true);
    else
      ended_ = std::move(done);
  };
  const bool ended = co_await await_callback<bool>(all_ended);
  (void)ended;
}

bool Watches::complete() const {
  return std::all_of(collections_.begin(), collections_.end(),
                     [](const auto& collection) { return collection->listed(); });
}

std::vector<StringMap> Watches::targets() const {
  return targets_of(store_, settings_.role, settings_.attach);
}

std::size_t Watches::objects() const {
  return store_.nodes.size() + store_.pods.size() + store_.services.size() +
         store_.endpoints.size() + store_.slices.size() + store_.ingresses.size() +
         store_.namespaces.size();
}

}  // namespace collector::discover::kubernetes
