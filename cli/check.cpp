// validate, preflight, fmt, reference: what needs no running collector.
#include "commands.hpp"

#include "base/system_files.hpp"
#include "facade/builtin.hpp"
#include "facade/sources.hpp"
#include "schema/reference.hpp"
#include "syntax/formatter.hpp"
#include "syntax/parser.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>
#include <cstdio>
#include <filesystem>

namespace collector::cli {
namespace {

constexpr int kWrong = 1;
constexpr int kUsage = 2;

/// The sources, or nothing after the reason was printed.
std::optional<std::vector<pipeline::SourceText>> sources_of(const std::vector<std::string>& paths) {
  if (paths.empty()) {
    fmt::print(stderr, "collector: name a file or a directory\n");
    return std::nullopt;
  }
  base::SystemFiles files;
  auto sources = facade::read_sources(files, paths);
  if (!sources) {
    fmt::print(stderr, "collector: {}\n", sources.error().what());
    return std::nullopt;
  }
  return std::move(*sources);
}

/// How many components of `body` this version has, those inside custom components too.
std::size_t known_components(const syntax::Body& body, const pipeline::Registry& registry) {
  std::size_t n = 0;
  for (const auto& statement : body.statements)
    if (auto* block = std::get_if<std::shared_ptr<const syntax::Block>>(&statement))
      n += registry.find((*block)->full_name()) ? 1 : known_components((*block)->body, registry);
  return n;
}

std::string read_all(std::FILE* from) {
  std::string text;
  char chunk[1 << 16];
  while (const std::size_t n = std::fread(chunk, 1, sizeof chunk, from)) text.append(chunk, n);
  return text;
}

/// Puts `text` in the place of the file, whole or not at all; a link stays a link, and owner and
/// mode stay what they were.
Status replace_file(Files& files, const std::string& path, std::string_view text) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(path, error);
  struct stat before{};
  if (error || ::stat(real.c_str(), &before) != 0)
    return Status(Code::not_found, path + " is not there any more");
  const std::string beside = fmt::format("{}.formatted-{}", real, ::getpid());
  auto out = files.open(beside, Files::Mode::create_new);
  if (!out) return out.error();
  // Another's file stays another's; who may not give it away writes a file of their own.
  const bool given = ::chown(beside.c_str(), before.st_uid, before.st_gid) == 0;
  std::filesystem::permissions(
      beside, std::filesystem::perms(before.st_mode & (given ? 07777 : 0777)), error);
  Status status = error ? Status(Code::permission_denied, error.message())
                        : (*out)->append(std::as_bytes(std::span(text)));
  if (status.ok()) status = (*out)->sync();
  if (status.ok()) status = files.rename(beside, real);
  if (!status.ok()) (void)files.remove(beside);
  return status;
}

}  // namespace

int validate(const std::vector<std::string>& paths) {
  const auto sources = sources_of(paths);
  if (!sources) return kUsage;
  base::SystemFiles files;
  const auto diagnostics =
      pipeline::Controller::check(facade::builtin_components(), files, *sources);
  fmt::print(stderr, "{}", syntax::to_drawings(diagnostics));
  if (!diagnostics.has_errors()) return 0;
  std::size_t errors = 0;
  for (const auto& d : diagnostics.list()) errors += d.severity == syntax::Severity::error;
  fmt::print(stderr, "{} error{}\n", errors, errors == 1 ? "" : "s");
  return kWrong;
}

int preflight(const std::vector<std::string>& paths) {
  const auto sources = sources_of(paths);
  if (!sources) return kUsage;
  const pipeline::Registry& registry = facade::builtin_components();
  base::SystemFiles files;
  const auto diagnostics = pipeline::Controller::check(registry, files, *sources);
  std::size_t components = 0;
  for (const auto& source : *sources) {
    syntax::Diagnostics parse;
    components +=
        known_components(syntax::parse_file(source.name, source.text, parse)->body, registry);
  }
  std::size_t lacking = 0, mistakes = 0;
  for (const auto& d : diagnostics.list()) {
    if (d.severity != syntax::Severity::error) continue;
    d.lacking ? ++lacking : ++mistakes;
    if (d.lacking) fmt::print("{}\n", syntax::to_line(d));
  }
  fmt::print("{} component{} known, {} thing{} lacking\n", components, components == 1 ? "" : "s",
             lacking, lacking == 1 ? "" : "s");
  if (mistakes > 0)
    fmt::print(stderr, "{} mistake{} of another kind: see collector validate\n", mistakes,
               mistakes == 1 ? "" : "s");
  return lacking == 0 ? 0 : kWrong;
}

int format_file(const FormatFlags& flags) {
  const bool standard_input = flags.path.empty() || flags.path == "-";
  if (standard_input && flags.write) {
    fmt::print(stderr, "collector: --write needs a file\n");
    return kUsage;
  }
  std::string text;
  base::SystemFiles files;
  if (standard_input) {
    text = read_all(stdin);
  } else {
    auto read = files.read(flags.path, 64U << 20);
    if (!read) {
      fmt::print(stderr, "collector: {}\n", read.error().what());
      return kUsage;
    }
    text = std::move(*read);
  }
  const std::string name = standard_input ? "standard input" : flags.path;
  syntax::Diagnostics diagnostics;
  const auto file = syntax::parse_file(name, text, diagnostics);
  if (diagnostics.has_errors()) {
    diagnostics.sort();
    fmt::print(stderr, "{}", syntax::to_drawings(diagnostics));
    return kWrong;
  }
  const std::string formatted = syntax::format(*file);
  if (flags.test) return formatted == text ? 0 : kWrong;
  if (!flags.write) {
    std::fwrite(formatted.data(), 1, formatted.size(), stdout);
    return 0;
  }
  if (formatted == text) return 0;
  const Status status = replace_file(files, flags.path, formatted);
  if (status.ok()) return 0;
  fmt::print(stderr, "collector: {}\n", status.what());
  return kWrong;
}

int reference(const ReferenceFlags& flags) {
  std::vector<schema::ReferenceEntry> entries;
  for (const auto& [name, d] : facade::builtin_components().all())
    if (flags.component.empty() || flags.component == name)
      entries.push_back({d.name, d.doc, d.args(), d.exports()});
  if (entries.empty()) {
    fmt::print(stderr, "collector: there is no component \"{}\"\n", flags.component);
    return kUsage;
  }
  if (flags.json) {
    fmt::print("{}", schema::reference_json(entries));
    return 0;
  }
  base::SystemFiles files;
  if (!flags.directory.empty())
    if (Status s = files.make_directories(flags.directory); !s.ok()) {
      fmt::print(stderr, "collector: {}\n", s.what());
      return kWrong;
    }
  for (const auto& entry : entries) {
    const std::string page = schema::reference_markdown(entry);
    if (flags.directory.empty()) {
      fmt::print("{}{}", &entry == &entries.front() ? "" : "\n", page);
      continue;
    }
    const std::string path = fmt::format("{}/{}.md", flags.directory, entry.name);
    (void)files.remove(path);
    auto out = files.open(path, Files::Mode::create_new);
    Status status = out ? (*out)->append(std::as_bytes(std::span(page))) : out.error();
    if (!status.ok()) {
      fmt::print(stderr, "collector: {}\n", status.what());
      return kWrong;
    }
  }
  return 0;
}

}  // namespace collector::cli
