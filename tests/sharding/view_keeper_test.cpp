// A view that shrinks by more than half needs two confirmations; all else is taken at once.
#include "catch.hpp"

#include "sharding/view_keeper.hpp"

using namespace collector::sharding;

namespace {

std::vector<Member> members(std::string_view letters) {
  std::vector<Member> all;
  for (const char c : letters) all.push_back({std::string(1, c), std::string("h:1"), true});
  return all;
}

std::string names(const View& view) {
  std::string all;
  for (const Member& m : view.members) all += m.name;
  return all;
}

}  // namespace

TEST_CASE("growth and small losses are taken at once") {
  ViewKeeper keeper;
  CHECK(keeper.offer(members("a"), false));
  CHECK(keeper.offer(members("dcba"), false));
  CHECK(names(keeper.view()) == "abcd");
  CHECK_FALSE(keeper.offer(members("abdc"), true));
  CHECK(keeper.offer(members("cd"), false));  // half is not more than half
  CHECK(names(keeper.view()) == "cd");
}

TEST_CASE("the loss of more than half waits for two more rounds") {
  ViewKeeper keeper;
  keeper.offer(members("abcde"), true);
  CHECK_FALSE(keeper.offer(members("ab"), true));
  CHECK(keeper.holding());
  for (int i = 0; i < 5; ++i) CHECK_FALSE(keeper.offer(members("ab"), false));
  CHECK_FALSE(keeper.offer(members("ab"), true));
  CHECK(names(keeper.view()) == "abcde");
  CHECK(keeper.offer(members("ab"), true));
  CHECK_FALSE(keeper.holding());
  CHECK(names(keeper.view()) == "ab");
}

TEST_CASE("what comes back between starts the count anew") {
  ViewKeeper keeper;
  keeper.offer(members("abcde"), true);
  keeper.offer(members("a"), true);
  keeper.offer(members("a"), true);
  CHECK_FALSE(keeper.offer(members("abcde"), true));
  CHECK_FALSE(keeper.holding());
  CHECK_FALSE(keeper.offer(members("a"), true));
  CHECK_FALSE(keeper.offer(members("a"), true));
  CHECK(names(keeper.view()) == "abcde");
  CHECK(keeper.offer(members("a"), true));
}

TEST_CASE("other nodes in the place of more than half are a loss too") {
  ViewKeeper keeper;
  keeper.offer(members("abc"), true);
  CHECK_FALSE(keeper.offer(members("axyz"), false));
  CHECK(keeper.holding());
}

TEST_CASE("members that go one after the other are counted together") {
  ViewKeeper keeper;
  keeper.offer(members("abcde"), true);
  keeper.offer(members("abcde"), true);
  CHECK(keeper.offer(members("abcd"), true));
  CHECK(keeper.offer(members("abc"), false));
  CHECK_FALSE(keeper.offer(members("ab"), true));  // three of five in two rounds
  CHECK_FALSE(keeper.offer(members("ab"), true));
  CHECK(keeper.offer(members("ab"), true));
  // Long after, each loss is its own.
  for (int i = 0; i < 4; ++i) keeper.offer(members("ab"), true);
  CHECK(keeper.offer(members("a"), true));
}

TEST_CASE("the revision is that of the names") {
  CHECK(revision_of(members("abc")) == revision_of(members("cab")));
  CHECK(revision_of(members("abc")) != revision_of(members("ab")));
  CHECK(revision_of({}) == 0);
  CHECK(revision_of({{"ab", "", true}, {"c", "", true}}) !=
        revision_of({{"a", "", true}, {"bc", "", true}}));
}
