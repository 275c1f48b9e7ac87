#include "platform/kubernetes_config.hpp"

#include "base/base64.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>

namespace collector::platform {
namespace {

constexpr std::size_t kLargestFile = 4U << 20;
/// What a pod finds of its service account.
std::string account_file(std::string_view name) {
  return std::string("/var/run/secrets/kubernetes.io/serviceaccount/").append(name);
}

std::string text(const YAML::Node& node, const char* name) {
  if (!node.IsMap()) return {};
  const YAML::Node value = node[name];
  return value && value.IsScalar() ? value.Scalar() : std::string();
}

/// The entry called `name` of a list of named things, and in it the thing.
YAML::Node named(const YAML::Node& list, const std::string& name, const char* thing) {
  if (list && list.IsSequence())
    for (const YAML::Node& entry : list)
      if (text(entry, "name") == name && entry[thing]) return entry[thing];
  return YAML::Node(YAML::NodeType::Undefined);
}

/// A relative path is beside the file that names it.
std::string beside(const std::string& file, std::string path) {
  if (path.empty() || path[0] == '/') return path;
  return file.substr(0, file.rfind('/') + 1) + path;
}

/// `NAME-data` in base64, or the file `NAME`.
Result<net::TextOrFile> material(const YAML::Node& node, const std::string& name,
                                 const std::string& file) {
  net::TextOrFile out;
  if (const std::string data = text(node, (name + "-data").c_str()); !data.empty()) {
    auto plain = base::base64_decode(data);
    if (!plain) return Status(Code::invalid_argument, name + "-data is no base64");
    out.text = std::move(*plain);
  } else {
    out.file = beside(file, text(node, name.c_str()));
  }
  return out;
}

Status read_user(const YAML::Node& user, const std::string& path, net::HttpClientSettings& http) {
  for (const char* foreign : {"exec", "auth-provider"})
    if (user[foreign])
      return {Code::unimplemented,
              fmt::format("credentials by {} are not supported: use a token or a certificate",
                          foreign)};
  auto cert = material(user, "client-certificate", path);
  if (!cert) return cert.error();
  auto key = material(user, "client-key", path);
  if (!key) return key.error();
  http.tls.cert = std::move(*cert);
  http.tls.key = std::move(*key);
  net::HttpClientSettings::Authorization bearer;
  bearer.credentials.text = text(user, "token");
  if (bearer.credentials.text.empty())
    bearer.credentials.file = beside(path, text(user, "tokenFile"));
  if (!bearer.credentials.empty()) http.authorization = std::move(bearer);
  if (const std::string name = text(user, "username"); !name.empty() && !http.authorization)
    http.basic_auth = net::HttpClientSettings::BasicAuth{name, {text(user, "password"), {}}};
  return {};
}

Result<KubernetesAccess> read_config(const YAML::Node& config, const std::string& path) {
  if (!config.IsMap()) return Status(Code::invalid_argument, "is no kubeconfig");
  const std::string current = text(config, "current-context");
  const YAML::Node context = named(config["contexts"], current, "context");
  if (!context)
    return Status(Code::invalid_argument, fmt::format("there is no context \"{}\"", current));
  const std::string cluster_name = text(context, "cluster"), user_name = text(context, "user");
  const YAML::Node cluster = named(config["clusters"], cluster_name, "cluster");
  if (!cluster)
    return Status(Code::invalid_argument, fmt::format("there is no cluster \"{}\"", cluster_name));
  KubernetesAccess access;
  access.server = text(cluster, "server");
  while (!access.server.empty() && access.server.back() == '/') access.server.pop_back();
  if (auto url = net::Url::parse(access.server); !url) return url.error().in("server");
  auto ca = material(cluster, "certificate-authority", path);
  if (!ca) return ca.error();
  access.http.tls.ca = std::move(*ca);
  access.http.tls.insecure_skip_verify = text(cluster, "insecure-skip-tls-verify") == "true";
  access.http.tls.server_name = text(cluster, "tls-server-name");
  access.http.proxy.url = text(cluster, "proxy-url");
  const YAML::Node user = named(config["users"], user_name, "user");
  if (user && user.IsMap())
    if (Status s = read_user(user, path, access.http); !s.ok()) return s;
  return access;
}

}  // namespace

Result<KubernetesAccess> kubernetes_from_file(Files& files, const std::string& path) {
  auto content = files.read(path, kLargestFile);
  if (!content) return content.error();
  try {
    auto access = read_config(YAML::Load(*content), path);
    if (!access) return access.error().in(path);
    return access;
  } catch (const YAML::Exception& e) {
    return Status(Code::invalid_argument, fmt::format("{}: not valid YAML: {}", path, e.what()));
  }
}

Result<KubernetesAccess> kubernetes_in_cluster(Files& files) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (!host || !port || !*host || !*port)
    return Status(Code::failed_precondition,
                  "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set: not in a pod?");
  if (auto token = files.read(account_file("token"), kLargestFile); !token) return token.error();
  KubernetesAccess access;
  const bool v6 = std::string_view(host).find(':') != std::string_view::npos;
  access.server =
      v6 ? fmt::format("https://[{}]:{}", host, port) : fmt::format("https://{}:{}", host, port);
  access.http.tls.ca.file = account_file("ca.crt");
  net::HttpClientSettings::Authorization bearer;
  bearer.credentials.file = account_file("token");
  access.http.authorization = std::move(bearer);
  return access;
}

Result<std::string> kubernetes_own_namespace(Files& files) {
  auto ns = files.read(account_file("namespace"), kLargestFile);
  if (ns && ns->empty())
    return Status(Code::failed_precondition, account_file("namespace") + " is empty");
  return ns;
}

}  // namespace collector::platform
