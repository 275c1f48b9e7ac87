// The shared files of AWS's tools, ~/.aws/config and ~/.aws/credentials (AWS SDKs and Tools
// Reference Guide, "Shared config and credentials files"). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace collector::platform {

/// Settings by their name in small letters.
using AwsProfile = std::map<std::string, std::string>;

/// Adds the profiles of a file to `profiles`; what it says wins over what is there. In the file of
/// configuration a profile but the default one is `[profile NAME]`, in that of credentials
/// `[NAME]`.
void read_aws_profiles(std::string_view text, bool credentials,
                       std::map<std::string, AwsProfile>& profiles);

}  // namespace collector::platform
