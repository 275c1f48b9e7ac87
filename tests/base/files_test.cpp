#include "catch.hpp"

#include "base/system_files.hpp"

#include <unistd.h>
#include <filesystem>

using namespace collector;

namespace {

struct Scratch {
  std::string path;
  Scratch() {
    char name[] = "/tmp/collector-files-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

std::span<const std::byte> bytes(std::string_view s) { return std::as_bytes(std::span(s)); }

}  // namespace

TEST_CASE("files: append, sync, read, list, rename, remove") {
  Scratch scratch;
  base::SystemFiles files;
  REQUIRE(files.make_directories(scratch.path + "/a/b").ok());
  const std::string path = scratch.path + "/a/b/x";
  {
    auto file = files.open(path, Files::Mode::append);
    REQUIRE(file);
    CHECK((*file)->append(bytes("hello ")).ok());
    CHECK((*file)->append(bytes("world")).ok());
    CHECK((*file)->sync().ok());
    CHECK((*file)->info()->size == 11);
    std::byte part[5];
    CHECK((*file)->read_at(6, part).value() == 5);
    CHECK((*file)->read_at(100, part).value() == 0);
  }
  CHECK(files.read(path, 100).value() == "hello world");
  CHECK(files.read(path, 10).error().code() == Code::out_of_range);
  CHECK(files.open(path, Files::Mode::create_new).error().code() == Code::already_exists);
  CHECK(files.rename(path, scratch.path + "/a/y").ok());
  CHECK(files.sync_directory(scratch.path + "/a").ok());
  const auto entries = files.list(scratch.path + "/a").value();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].name == "b");
  CHECK(entries[0].kind == FileInfo::Kind::directory);
  CHECK(entries[1].name == "y");
  CHECK(files.remove(scratch.path + "/a/y").ok());
  CHECK(files.info(scratch.path + "/a/y").error().code() == Code::not_found);
}

TEST_CASE("files of procfs, which say that they are empty, are read whole") {
  base::SystemFiles files;
  CHECK(files.read("/proc/self/status", 1 << 20).value().find("Name:") == 0);
}

TEST_CASE("random numbers stay below their bound and reach all of it") {
  base::SystemRandom random;
  bool seen[7] = {};
  for (int i = 0; i < 1000; ++i) seen[random.below(7)] = true;
  for (const bool s : seen) CHECK(s);
  const double unit = random.unit();
  CHECK((unit >= 0 && unit < 1));
}

TEST_CASE("files: overwriting, truncating, reserving, locking") {
  Scratch scratch;
  base::SystemFiles files;
  const std::string path = scratch.path + "/x";
  auto file = files.open(path, Files::Mode::modify);
  REQUIRE(file);
  CHECK((*file)->write_at(0, bytes("0123456789")).ok());
  CHECK((*file)->write_at(4, bytes("ab")).ok());
  CHECK(*files.read(path, 100) == "0123ab6789");
  CHECK((*file)->reserve(1 << 20).ok());
  CHECK((*file)->info()->size == 10);
  CHECK((*file)->truncate(5).ok());
  CHECK(*files.read(path, 100) == "0123a");

  auto lock = files.lock(scratch.path + "/lock");
  REQUIRE(lock);
  CHECK(files.lock(scratch.path + "/lock").error().code() == Code::failed_precondition);
  lock->reset();
  CHECK(files.lock(scratch.path + "/lock").has_value());

  CHECK(!files.remove(scratch.path).ok());  // not empty
  REQUIRE(files.make_directories(scratch.path + "/empty").ok());
  CHECK(files.remove(scratch.path + "/empty").ok());
}
