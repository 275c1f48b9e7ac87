// Where import.file and import.http get their text: read and fetched, cached, watched for changes.
// One thread.
#pragma once

#include <collector/engine/seams.hpp>

#include "base/log.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace collector::pipeline {

struct HttpClientArguments;

class Imports {
 public:
  using Texts = std::vector<std::pair<std::string, std::string>>;  ///< name and text of each file

  /// `changed` is called, by post, when a text differs from what was handed out.
  Imports(Seams seams, base::Logger log, Function<void()> changed);
  ~Imports();

  /// The file, or every *.alloy file of the directory.
  Result<Texts> read(const std::string& path);
  /// The same, looked at again every `poll`, with `watch` at every change too.
  Result<Texts> file(const std::string& path, Duration poll, bool watch);

  struct Remote {
    std::string url, method = "GET";
    std::map<std::string, std::string> headers;
    Duration poll = std::chrono::minutes(1), timeout = std::chrono::seconds(10);
    std::shared_ptr<const HttpClientArguments> client;  ///< null: plain
  };
  /// The text when it is known; else remembers that it is wanted: see fetch_wanted.
  std::optional<Result<std::string>> remote(const Remote& remote);
  /// Something was asked for that is not known.
  bool wanted() const;
  /// Fetches what was wanted and is not known; true when there was any.
  Task<bool> fetch_wanted(std::stop_token stop);

  /// A reload begins: what it does not ask for again is let go at its end.
  void begin();
  void end();

 private:
  struct Watched;
  struct Fetched;
  void arm(const std::string& path, Watched& watched);
  void look_again(const std::string& path);
  Task<Result<std::string>> fetch(Remote remote, std::stop_token stop);
  void arm_remote(const std::string& key, Fetched& fetched);
  void poll_again(const std::string& key);

  Seams seams_;
  base::Logger log_;
  Function<void()> changed_;
  std::map<std::string, std::shared_ptr<Watched>> files_;
  std::map<std::string, std::shared_ptr<Fetched>> remotes_;
  std::stop_source stop_;
};

}  // namespace collector::pipeline
