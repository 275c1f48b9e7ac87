// ImportElement::content: the arguments of the three imports and what they bring.
#include "pipeline/http_client_arguments.hpp"
#include "pipeline/imports.hpp"
#include "pipeline/modules.hpp"

#include <fmt/format.h>

namespace collector::pipeline {
namespace {

Status known_detector(const std::string& name) {
  if (name == "fsnotify" || name == "poll") return {};
  return Status(Code::invalid_argument, "should be \"fsnotify\" or \"poll\"");
}

struct FileArguments {
  std::string filename;
  std::string detector = "fsnotify";
  Duration poll_frequency = std::chrono::minutes(1);
  static constexpr auto fields() {
    return std::tuple{
        attr<&FileArguments::filename>("filename", "File or directory of modules.").required(),
        attr<&FileArguments::detector>("detector", "How changes are noticed: fsnotify or poll.")
            .check(known_detector),
        attr<&FileArguments::poll_frequency>("poll_frequency", "Time between looks at the file.")};
  }
};

struct StringArguments {
  std::string content;
  static constexpr auto fields() {
    return std::tuple{
        attr<&StringArguments::content>("content", "The text of the module.").required()};
  }
};

struct RemoteArguments {
  std::string url;
  std::string method = "GET";
  StringMap headers;
  Duration poll_frequency = std::chrono::minutes(1);
  Duration poll_timeout = std::chrono::seconds(10);
  std::optional<HttpClientArguments> client;
  static constexpr auto fields() {
    return std::tuple{
        attr<&RemoteArguments::url>("url", "URL of the module.").required(),
        attr<&RemoteArguments::method>("method", "HTTP method of the request."),
        attr<&RemoteArguments::headers>("headers", "Headers of the request."),
        attr<&RemoteArguments::poll_frequency>("poll_frequency", "Time between requests."),
        attr<&RemoteArguments::poll_timeout>("poll_timeout", "Time limit of a request."),
        block<&RemoteArguments::client>("client", "HTTP client settings of the request.")};
  }
};

/// Decoded, or nothing: `*complete` tells whether that is an error or a value that is not known
/// yet.
template <class A>
std::optional<A> arguments(const Element::Source& source, const Surroundings& in, bool* complete,
                           syntax::Diagnostics& out) {
  const std::string& file = source.file->name;
  const schema::StructInfo& info = schema::describe<A>();
  syntax::Diagnostics found;
  schema::check_shape(*source.block, info, file, found);
  const syntax::Body body = known_part(source.block->body, in.unknown, complete);
  const auto evaluated = schema::evaluate_body(body, in.scope(), file, found);
  A args;
  const bool good =
      !found.has_errors() &&
      schema::decode(evaluated, info, file, source.block->name_span, &args, found, *complete);
  out.append(std::move(found));
  if (!good) return std::nullopt;
  return args;
}

}  // namespace

std::optional<std::vector<std::pair<std::string, std::string>>> ImportElement::content(
    const Source& source, const Surroundings& in, std::string& module_path,
    syntax::Diagnostics& out) {
  bool complete = true;
  Imports::Texts texts;
  if (kind_ == "import.string") {
    auto args = arguments<StringArguments>(source, in, &complete, out);
    if (!args || !complete) return std::nullopt;
    texts.emplace_back(global_id_, std::move(args->content));
    return texts;
  }
  if (kind_ == "import.file") {
    auto args = arguments<FileArguments>(source, in, &complete, out);
    if (!args || !complete) return std::nullopt;
    auto read = host_.check_only ? host_.imports.read(args->filename)
                                 : host_.imports.file(args->filename, args->poll_frequency,
                                                      args->detector != "poll");
    if (!read) {
      // A check must not depend on files that are elsewhere.
      if (!host_.check_only)
        out.error(source.file->name, source.block->name_span, read.error().what());
      return std::nullopt;
    }
    const auto slash = args->filename.rfind('/');
    module_path = slash == std::string::npos ? "." : args->filename.substr(0, slash);
    return std::move(*read);
  }
  auto args = arguments<RemoteArguments>(source, in, &complete, out);
  if (!args || !complete || host_.check_only) return std::nullopt;
  Imports::Remote remote;
  remote.url = args->url;
  remote.method = args->method;
  remote.headers = args->headers;
  remote.poll = args->poll_frequency;
  remote.timeout = args->poll_timeout;
  if (args->client) {
    if (Status s = args->client->validate(); !s.ok()) {
      out.error(source.file->name, source.block->name_span, s.what());
      return std::nullopt;
    }
    remote.client = std::make_shared<HttpClientArguments>(*args->client);
  }
  auto text = host_.imports.remote(remote);
  if (!text) return std::nullopt;
  if (!*text) {
    out.error(source.file->name, source.block->name_span, text->error().what());
    return std::nullopt;
  }
  texts.emplace_back(global_id_, std::move(**text));
  return texts;
}

}  // namespace collector::pipeline
