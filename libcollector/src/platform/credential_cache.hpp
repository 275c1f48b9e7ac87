// Keys and tokens that run out: kept, renewed in time, fetched once however many ask. One loop.
#pragma once

#include "net/http.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace collector::platform {

struct CloudCredential {
  std::string key_id, secret;  ///< AWS
  std::string token;           ///< a bearer token; AWS: of the session, or empty
  std::string region;          ///< AWS: where requests are signed for
  std::string quota_project;   ///< Google: who is charged, or empty
  /// Until when it is good; never set: as long as nobody refuses it. From `renew` on another one is
  /// fetched, and this one is used as long as there is none.
  std::optional<WallTime> expires, renew;

  /// Good until `end`; renewed `early` before that, or after half of the time.
  void good_until(WallTime end, WallTime now, Duration early);
};

/// Where a credential comes from.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// It outlives the task.
  virtual Task<Result<CloudCredential>> fetch(net::SendOptions options) = 0;
};

class CredentialCache {
 public:
  CredentialCache(Loop& loop, std::unique_ptr<CredentialSource> source)
      : loop_(loop), source_(std::move(source)) {}

  /// What is held, or what is fetched now. After a failure nothing is fetched for a second, then
  /// for two, up to thirty: callers get the same error meanwhile. It outlives the task.
  Task<Result<CloudCredential>> get(net::SendOptions options);
  /// The server refused it: it is dropped, unless it is younger than a minute. Whether it was.
  bool drop();

 private:
  struct Wait {
    Function<void(bool)> done;
  };
  bool good() const;
  bool fresh() const;
  Task<bool> turn(std::stop_token stop);

  Loop& loop_;
  std::unique_ptr<CredentialSource> source_;
  std::optional<CloudCredential> held_;
  Instant fetched_at_;
  bool fetching_ = false;
  std::vector<std::shared_ptr<Wait>> waiting_;
  Status failure_;
  Instant quiet_until_;
  Duration quiet_{};
};

}  // namespace collector::platform
