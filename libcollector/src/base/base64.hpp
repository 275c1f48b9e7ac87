// Base64 (RFC 4648), the standard alphabet of section 4 or the one for URLs of section 5, padded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace collector::base {

std::string base64(std::string_view plain, bool url = false);
/// Nothing when the text is not padded base64 of that alphabet; line breaks are skipped.
std::optional<std::string> base64_decode(std::string_view text, bool url = false);

}  // namespace collector::base
