// How to reach a Kubernetes API: from a kubeconfig file, or from within a pod. One thread.
#pragma once

#include "net/http_client_config.hpp"

#include <string>

namespace collector::platform {

struct KubernetesAccess {
  std::string server;  ///< URL without a slash at its end
  net::HttpClientSettings http;
};

/// The current context of a kubeconfig file (k8s.io/client-go, clientcmd): certificates in place or
/// in files, token, token file, user and password. unimplemented for credentials that a program or
/// a plugin gives.
Result<KubernetesAccess> kubernetes_from_file(Files& files, const std::string& path);
/// The service account of this pod; failed_precondition outside of one.
Result<KubernetesAccess> kubernetes_in_cluster(Files& files);
/// The namespace of this pod.
Result<std::string> kubernetes_own_namespace(Files& files);

}  // namespace collector::platform
