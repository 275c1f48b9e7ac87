#include "facade/sources.hpp"

namespace collector::facade {
namespace {
constexpr std::size_t kLargestFile = 64U << 20;
constexpr std::string_view kExtension = ".alloy";
}  // namespace

Result<std::vector<pipeline::SourceText>> read_sources(Files& files,
                                                       const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    auto info = files.info(path);
    if (!info) return info.error();
    if (info->kind != FileInfo::Kind::directory) {
      names.push_back(path);
      continue;
    }
    auto entries = files.list(path);
    if (!entries) return entries.error();
    const std::size_t before = names.size();
    for (const DirectoryEntry& e : *entries)
      if (e.name.size() > kExtension.size() && e.kind != FileInfo::Kind::directory &&
          std::string_view(e.name).substr(e.name.size() - kExtension.size()) == kExtension)
        names.push_back(path + (path.back() == '/' ? "" : "/") + e.name);
    if (names.size() == before) return Status(Code::not_found, path + " holds no *.alloy file");
  }
  std::vector<pipeline::SourceText> sources;
  for (const std::string& name : names) {
    auto text = files.read(name, kLargestFile);
    if (!text) return text.error();
    sources.push_back({name, std::move(*text)});
  }
  return sources;
}

}  // namespace collector::facade
