// The command line. Each command is one function; what it does is in the library.
#include "commands.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <tuple>

namespace {

void add_paths(CLI::App* command, std::vector<std::string>& paths, const char* what) {
  command->add_option("PATH", paths, what);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace collector::cli;
  CLI::App app{
      "Collects telemetry and delivers it: Alloy's configuration, without Alloy's weight."};
  app.name("collector");
  app.require_subcommand(1);
  app.set_version_flag("-v,--version", "collector " COLLECTOR_VERSION);
  app.footer(
      "Exit codes: 0 done, 1 the configuration or input is wrong, 2 wrong usage, 3 stopped with "
      "data\n"
      "undelivered, 4 the admin address cannot be listened on.");
  int code = 0;

  RunFlags run;
  CLI::App* run_command =
      app.add_subcommand("run", "Run a configuration; without a file, watch this host");
  add_paths(run_command, run.paths, "Files and directories with *.alloy files");
  add_run_flags(*run_command, run);
  run_command->callback([&] { code = run_collector(run); });

  std::vector<std::string> validate_paths;
  CLI::App* validate_command =
      app.add_subcommand("validate", "Check a configuration; touches no network");
  add_paths(validate_command, validate_paths, "Files and directories");
  add_check_flags(*validate_command, run);
  validate_command->callback([&] { code = validate(validate_paths); });

  std::vector<std::string> preflight_paths;
  CLI::App* preflight_command = app.add_subcommand(
      "preflight",
      "List every component and argument of a configuration that this collector lacks");
  add_paths(preflight_command, preflight_paths, "Files and directories");
  preflight_command->callback([&] { code = preflight(preflight_paths); });

  FormatFlags format;
  CLI::App* format_command = app.add_subcommand("fmt", "Format a configuration file");
  format_command->add_option("FILE", format.path,
                             "The file; standard input when it is - or absent");
  auto* write =
      format_command->add_flag("-w,--write", format.write, "Write the result to the file");
  format_command
      ->add_flag("-t,--test", format.test, "Only tell by the exit code whether it is formatted")
      ->excludes(write);
  format_command->callback([&] { code = format_file(format); });

  ReferenceFlags reference_flags;
  CLI::App* reference_command = app.add_subcommand(
      "reference", "Print the reference of all components, or write it to a folder");
  reference_command->add_flag("--json", reference_flags.json, "As JSON");
  reference_command->add_option("--output", reference_flags.directory,
                                "Folder to write one Markdown page per component to");
  reference_command->add_option("COMPONENT", reference_flags.component, "Only this component");
  reference_command->callback([&] { code = reference(reference_flags); });

  ExplainFlags explain_flags;
  CLI::App* explain_command = app.add_subcommand(
      "explain",
      "Ask a running collector about a target, series or component: state, last success, drops");
  explain_command->add_option("WHAT", explain_flags.what, "Words of a target, a series or an id")
      ->required();
  explain_command->add_option("--server", explain_flags.server, "Admin address of the collector");
  explain_command->callback([&] { code = explain(explain_flags); });

  OutboxFlags outbox_flags;
  CLI::App* outbox_command = app.add_subcommand(
      "outbox",
      "Look at what waits on disk, or send it; beside a running collector too, whose data is left "
      "alone");
  outbox_command->require_subcommand(1);
  for (const auto& [name, what, run_it] :
       {std::tuple("ls", "What waits for whom, since when", &list_outbox),
        std::tuple("verify", "Read every request and say what is damaged", &verify_outbox)}) {
    CLI::App* command = outbox_command->add_subcommand(name, what);
    command
        ->add_option("DIRECTORY", outbox_flags.path,
                     "The outbox, or the storage path that it is in")
        ->capture_default_str();
    command->callback([&code, &outbox_flags, run_it = run_it] { code = run_it(outbox_flags); });
  }

  DrainFlags drain_flags;
  CLI::App* drain_command = outbox_command->add_subcommand(
      "drain",
      "Send what collectors that are gone left there, each request to the endpoint of CONFIG that "
      "is its\ndestination; what has none is held. Exit code 3: something without an owner was "
      "held, refused or\nnot taken in time");
  drain_command->add_option("CONFIG", drain_flags.config, "A file or directory")->required();
  drain_command
      ->add_option("DIRECTORY", drain_flags.folder, "The outbox, or the storage path that it is in")
      ->required();
  drain_command->add_option("--patience", drain_flags.patience, "How long to try")
      ->capture_default_str();
  drain_command->callback([&] { code = drain_outbox(drain_flags); });

  app.add_subcommand("version", "Print the version")->callback([] {
    std::puts("collector " COLLECTOR_VERSION);
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int shown = app.exit(e);
    return shown == 0 ? 0 : 2;
  }
  return code;
}
