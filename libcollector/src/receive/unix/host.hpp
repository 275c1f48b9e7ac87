// What the host collectors read: files beneath the mounted procfs, sysfs and root, as text. One
// thread.
#pragma once

#include <collector/engine/seams.hpp>

#include "base/log.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace collector::receive::unix_host {

struct Host {
  Seams& seams;
  base::Logger& log;
  std::string procfs, sysfs, rootfs, udev;

  /// Files beneath procfs, sysfs, the root. not_found where there is none.
  Result<std::string> proc(std::string_view path) const { return read(procfs, path); }
  Result<std::string> sys(std::string_view path) const { return read(sysfs, path); }
  Result<std::string> root(std::string_view path) const { return read(rootfs, path); }
  /// A small file of sysfs without the white space around it; nothing where it cannot be read.
  std::optional<std::string> sys_text(std::string_view path) const;
  /// The same as a decimal number.
  std::optional<double> sys_number(std::string_view path) const;
  /// Names in a directory of sysfs, sorted; empty where there is none.
  std::vector<std::string> sys_names(std::string_view path) const;

  static std::string join(std::string_view directory, std::string_view path);

 private:
  Result<std::string> read(std::string_view directory, std::string_view path) const;
};

/// What node_exporter calls no data: the collector does not apply to this host.
Status no_data(std::string what);

/// A decimal number, integer or float, or nothing.
std::optional<double> number(std::string_view text);
/// The same, or 0.
double number_or_zero(std::string_view text);
/// A hexadecimal number with or without 0x, or nothing.
std::optional<std::uint64_t> hex_number(std::string_view text);

std::string_view trim(std::string_view text);
/// What stands between runs of blanks and tabs.
std::vector<std::string_view> words(std::string_view text);
/// Lines without their ends; a last empty one is left out.
std::vector<std::string_view> lines(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char at);

}  // namespace collector::receive::unix_host
