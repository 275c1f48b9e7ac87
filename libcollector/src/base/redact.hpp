// What must not be read in a log, on a page or in an answer.
#pragma once

#include <string>

namespace collector::base {

/// `text` with the passwords in its URLs replaced: http://user:(secret)@host/.
std::string without_passwords(std::string text);

}  // namespace collector::base
