#include "platform/aws_profile.hpp"
#include "catch.hpp"

using namespace collector::platform;

TEST_CASE("profiles of the shared files") {
  std::map<std::string, AwsProfile> profiles;
  read_aws_profiles(
      "# ours\n"
      "[default]\nregion = us-east-1 # where it was\nOUTPUT=json\r\n"
      "s3 =\n  max_concurrent_requests = 20\n  region = nowhere\n"
      "[profile a]\nregion=eu-west-1\nrole_arn = arn:aws:iam::1:role/r;x\n\n"
      "[ profile \"b c\" ]\n region = indented\nsource_profile = a\n"
      "[a]\nregion = not a profile here\n"
      "[sso-session s]\nsso_region = us-east-1\n"
      "[broken\nregion = lost\n",
      false, profiles);
  CHECK(profiles["default"] == AwsProfile{{"region", "us-east-1"}, {"output", "json"}, {"s3", ""}});
  CHECK(profiles["a"] ==
        AwsProfile{{"region", "eu-west-1"}, {"role_arn", "arn:aws:iam::1:role/r;x"}});
  CHECK(profiles["b c"] == AwsProfile{{"region", "indented"}, {"source_profile", "a"}});
  CHECK(profiles.size() == 3);
  read_aws_profiles("[a]\naws_access_key_id = K\nregion = eu-north-1\n[profile a]\nx = y\n", true,
                    profiles);
  CHECK(profiles["a"] == AwsProfile{{"region", "eu-north-1"},
                                    {"role_arn", "arn:aws:iam::1:role/r;x"},
                                    {"aws_access_key_id", "K"}});
  CHECK(profiles.contains("profile a"));

  std::map<std::string, AwsProfile> named;
  read_aws_profiles("[default]\na = 1\n[profile default]\nb = 2\n[default]\nc = 3\n", false, named);
  CHECK(named["default"] == AwsProfile{{"b", "2"}});
}
