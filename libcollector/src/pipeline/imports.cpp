#include "pipeline/imports.hpp"

#include "net/http_client_config.hpp"
#include "pipeline/http_client_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::pipeline {
namespace {

constexpr std::size_t kLargestModule = 8U << 20;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

struct Imports::Watched {
  Texts texts;
  bool used = true;
  Duration poll{};
  TimerId timer = TimerId::none;
  std::shared_ptr<void> watch;
};

struct Imports::Fetched {
  Remote remote;
  std::optional<Result<std::string>> text;
  bool used = true;
  TimerId timer = TimerId::none;
};

Imports::Imports(Seams seams, base::Logger log, Function<void()> changed)
    : seams_(seams), log_(std::move(log)), changed_(std::move(changed)) {}

Imports::~Imports() {
  stop_.request_stop();
  for (auto& [path, watched] : files_) seams_.loop.disarm(watched->timer);
  for (auto& [key, fetched] : remotes_) seams_.loop.disarm(fetched->timer);
}

void Imports::begin() {
  for (auto& [path, watched] : files_) watched->used = false;
  for (auto& [key, fetched] : remotes_) fetched->used = false;
}

void Imports::end() {
  std::erase_if(files_, [&](auto& e) {
    if (!e.second->used) seams_.loop.disarm(e.second->timer);
    return !e.second->used;
  });
  std::erase_if(remotes_, [&](auto& e) {
    if (!e.second->used) seams_.loop.disarm(e.second->timer);
    return !e.second->used;
  });
}

Result<Imports::Texts> Imports::read(const std::string& path) {
  auto info = seams_.files.info(path);
  if (!info) return info.error();
  Texts texts;
  if (info->kind != FileInfo::Kind::directory) {
    auto text = seams_.files.read(path, kLargestModule);
    if (!text) return text.error();
    texts.emplace_back(path, std::move(*text));
    return texts;
  }
  auto entries = seams_.files.list(path);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    if (!ends_with(entry.name, ".alloy")) continue;
    auto text = seams_.files.read(path + "/" + entry.name, kLargestModule);
    if (!text) return text.error();
    texts.emplace_back(path + "/" + entry.name, std::move(*text));
  }
  return texts;
}

Result<Imports::Texts> Imports::file(const std::string& path, Duration poll, bool watch) {
  auto texts = read(path);
  if (!texts) return texts;
  auto& slot = files_[path];
  if (!slot) slot = std::make_shared<Watched>();
  slot->texts = *texts;
  slot->used = true;
  slot->poll = poll;
  if (watch && !slot->watch) {
    auto watching = seams_.network.watch(path, [this, path] { look_again(path); });
    if (watching) slot->watch = std::move(*watching);
  }
  if (slot->timer == TimerId::none) arm(path, *slot);
  return texts;
}

void Imports::arm(const std::string& path, Watched& watched) {
  watched.timer =
      seams_.loop.arm(std::max<Duration>(watched.poll, std::chrono::seconds(1)), [this, path] {
        look_again(path);
        if (auto it = files_.find(path); it != files_.end()) arm(path, *it->second);
      });
}

void Imports::look_again(const std::string& path) {
  const auto it = files_.find(path);
  if (it == files_.end()) return;
  auto texts = read(path);
  if (!texts) return log_.warn("an imported file cannot be read", {{"err", texts.error().what()}});
  if (*texts == it->second->texts) return;
  it->second->texts = std::move(*texts);
  changed_();
}

std::optional<Result<std::string>> Imports::remote(const Remote& remote) {
  std::string key = remote.method + " " + remote.url;
  for (const auto& [name, value] : remote.headers) key += fmt::format("\n{}: {}", name, value);
  auto& slot = remotes_[key];
  if (!slot) slot = std::make_shared<Fetched>();
  slot->remote = remote;
  slot->used = true;
  return slot->text;
}

bool Imports::wanted() const {
  return std::any_of(remotes_.begin(), remotes_.end(),
                     [](const auto& e) { return e.second->used && !e.second->text; });
}

Task<bool> Imports::fetch_wanted(std::stop_token stop) {
  bool any = false;
  auto copy = remotes_;
  for (auto& [key, slot] : copy) {
    if (slot->text) continue;
    auto text = co_await fetch(slot->remote, stop);
    slot->text.emplace(std::move(text));
    any = true;
    arm_remote(key, *slot);
  }
  co_return any;
}

void Imports::arm_remote(const std::string& key, Fetched& fetched) {
  fetched.timer = seams_.loop.arm(std::max<Duration>(fetched.remote.poll, std::chrono::seconds(1)),
                                  [this, key] { poll_again(key); });
}

void Imports::poll_again(const std::string& key) {
  const auto it = remotes_.find(key);
  if (it == remotes_.end()) return;
  spawn(fetch(it->second->remote, stop_.get_token()),
        [this, slot = it->second, key, stop = stop_.get_token()](Result<std::string> text) {
          if (stop.stop_requested()) return;
          arm_remote(key, *slot);
          if (!text)
            return log_.warn("an imported module cannot be fetched; the old one stays",
                             {{"err", text.error().what()}});
          const bool same = slot->text && *slot->text && **slot->text == *text;
          slot->text.emplace(std::move(text));
          if (!same) changed_();
        });
}

Task<Result<std::string>> Imports::fetch(Remote remote, std::stop_token stop) {
  net::ConfiguredClient client(
      seams_, remote.client ? client_settings(*remote.client) : net::HttpClientSettings{});
  net::Request request;
  request.method = remote.method;
  request.url = remote.url;
  for (const auto& [name, value] : remote.headers) request.headers.add(name, value);
  net::SendOptions options;
  options.timeout = remote.timeout;
  options.max_body = kLargestModule;
  options.stop = stop;
  auto response = co_await client.send(std::move(request), options);
  if (!response) co_return Result<std::string>(response.error().in(remote.url));
  if (response->status != 200)
    co_return Result<std::string>(
        Status(from_http(response->status),
               fmt::format("{}: server answered {}", remote.url, response->status)));
  co_return Result<std::string>(std::move(response->body));
}

}  // namespace collector::pipeline
