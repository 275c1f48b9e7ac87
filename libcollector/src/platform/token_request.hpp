// Requests to token servers and metadata services, and what they answer. One loop.
#pragma once

#include "net/http_client_config.hpp"
#include "platform/credential_cache.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector::platform {

/// `application/x-www-form-urlencoded`.
std::string form(const std::vector<std::pair<std::string, std::string>>& fields);

/// The text of the first element of that name; AWS's answers are XML without attributes.
std::string xml_element(std::string_view xml, std::string_view name);

/// invalid_argument unless it is https, or http to this machine or one of `local`: what goes there
/// is secret.
Status check_token_url(const std::string& url, const std::vector<std::string>& local = {});

class TokenClient {
 public:
  explicit TokenClient(Seams& seams);

  /// A request to a server on the network: through the environment's proxy, if there is one.
  Task<Result<net::Response>> ask(net::Request request, net::SendOptions options,
                                  std::vector<std::string> secrets);
  /// A request to this machine's or instance's own service: never through a proxy, and answered in
  /// two seconds or not at all.
  Task<Result<net::Response>> ask_near(net::Request request, net::SendOptions options,
                                       std::vector<std::string> secrets);

 private:
  net::ConfiguredClient far_, near_;
};

/// The token of an OAuth 2.0 answer (RFC 6749, 5.1), or of a metadata service: access_token and
/// expires_in or expires_on, as numbers or as text. data_loss: there is none.
Result<CloudCredential> token_of(const net::Response& response, WallTime now, Duration early);

/// Puts `Authorization: Bearer ...` into requests. `what` is named by errors.
std::shared_ptr<net::RequestAuthorizer> bearer_authorizer(Loop& loop, std::string what,
                                                          std::unique_ptr<CredentialSource> source);

}  // namespace collector::platform
