// File name patterns. Expected values: Go's filepath.Match and doublestar's README.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "base/system_files.hpp"
#include "discover/glob.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace collector;

TEST_CASE("patterns") {
  auto f = [](const char* pattern, const char* path, bool want) {
    INFO(pattern << " " << path);
    CHECK(discover::glob_match(pattern, path) == want);
  };
  f("abc", "abc", true);
  f("*", "abc", true);
  f("*c", "abc", true);
  f("a*", "a", true);
  f("a*", "ab/c", false);
  f("a*/b", "abc/b", true);
  f("a*/b", "a/c/b", false);
  f("a*b*c*d*e*/f", "axbxcxdxe/f", true);
  f("a*b?c*x", "abxbbxdbxebxczzx", true);
  f("a*b?c*x", "abxbbxdbxebxczzy", false);
  f("ab[c]", "abc", true);
  f("ab[b-d]", "abc", true);
  f("ab[e-g]", "abc", false);
  f("ab[^c]", "abc", false);
  f("ab[^b-d]", "abc", false);
  f("a\\*b", "a*b", true);
  f("a\\*b", "ab", false);
  f("a?b", "a☺b", true);
  f("a[^a]b", "axb", true);
  f("a??b", "axb", false);
  f("*x", "xxx", true);
  f("/tmp/**/*.log", "/tmp/a.log", true);
  f("/tmp/**/*.log", "/tmp/x/y/a.log", true);
  f("/tmp/**/*.log", "/tmp/x/y/a.txt", false);
  f("/tmp/**", "/tmp/x/y", true);
  f("/tmp/{a,b}.log", "/tmp/b.log", true);
  f("/tmp/{a,b}.log", "/tmp/c.log", false);
  f("/tmp/{a,{b,c}d}.log", "/tmp/cd.log", true);
  f("tmp/a", "/tmp/a", false);
  CHECK(!discover::valid_glob("[a"));
  CHECK(!discover::valid_glob("{a"));
  CHECK(!discover::valid_glob("a\\"));
  CHECK(discover::valid_glob("[a-z]{b,c}\\["));
}

TEST_CASE("files that match are listed once, sorted") {
  testing::SimulatedLoop loop;
  testing::SeededRandom random(1);
  testing::SimulatedFiles files(loop, random);
  for (const char* path : {"/d/a.log", "/d/b.txt", "/d/x/c.log", "/d/x/y/d.log", "/e/a.log"})
    files.put(path, "");
  using Paths = std::vector<std::string>;
  CHECK(discover::glob(files, "/d/*.log") == Paths{"/d/a.log"});
  CHECK(discover::glob(files, "/d/**/*.log") == Paths{"/d/a.log", "/d/x/c.log", "/d/x/y/d.log"});
  CHECK(discover::glob(files, "/{d,e}/a.log") == Paths{"/d/a.log", "/e/a.log"});
  CHECK(discover::glob(files, "/*/a.log") == Paths{"/d/a.log", "/e/a.log"});
  CHECK(discover::glob(files, "/d/nothing") == Paths{});
  CHECK(discover::glob(files, "/nothing/**") == Paths{});
}

TEST_CASE("** follows links to directories, but not in circles") {
  namespace fs = std::filesystem;
  const fs::path top = fs::temp_directory_path() / ("glob_test." + std::to_string(::getpid()));
  fs::create_directories(top / "a/b");
  fs::create_directories(top / "elsewhere");
  for (const char* file : {"a/1.log", "a/b/2.log", "elsewhere/3.log"})
    std::ofstream(top / file) << "";
  fs::create_directory_symlink(top / "elsewhere", top / "a/link");
  fs::create_directory_symlink(top / "a", top / "a/b/up");
  fs::create_directory_symlink("..", top / "a/b/up_too");
  fs::create_symlink("nowhere", top / "a/dangling.log");
  base::SystemFiles files;
  std::vector<std::string> found;
  for (const std::string& path : discover::glob(files, (top / "a/**/*.log").string()))
    found.push_back(path.substr(top.string().size()));
  fs::remove_all(top);
  CHECK(found ==
        std::vector<std::string>{"/a/1.log", "/a/b/2.log", "/a/dangling.log", "/a/link/3.log"});
}
