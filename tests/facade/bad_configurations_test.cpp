// Every configuration mistake: a file in bad/ and its diagnostics in bad/expected.txt.
#include "catch.hpp"

#include "base/system_files.hpp"
#include "facade/builtin.hpp"
#include "pipeline/controller.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace collector;

namespace {

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("every bad configuration draws exactly the diagnostics of the table") {
  const std::filesystem::path folder = TESTS_DIR "/facade/bad";
  std::map<std::string, std::multiset<std::string>> expected;
  std::ifstream table(folder / "expected.txt");
  for (std::string line; std::getline(table, line);)
    expected[line.substr(0, line.find(':'))].insert(line);
  base::SystemFiles system_files;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() != ".alloy") continue;
    ++files;
    std::multiset<std::string> found;
    const auto diagnostics = pipeline::Controller::check(facade::builtin_components(), system_files,
                                                         {{name, slurp(entry.path())}});
    for (const auto& d : diagnostics.list()) {
      std::string line = syntax::to_line(d);
      if (!d.hint.empty()) line += " (" + d.hint + ")";
      found.insert(line);
    }
    INFO(name);
    CHECK(found == expected[name]);
  }
  CHECK(files == expected.size());
  CHECK(files > 15);
}
