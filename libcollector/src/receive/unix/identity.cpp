// uname, os, dmi, time, timex: what this host is and what time it thinks it is.
#include "receive/unix/collectors.hpp"
#include "receive/unix/utf8.hpp"

#include <sys/timex.h>
#include <sys/utsname.h>

#include <array>
#include <ctime>
#include <map>

namespace collector::receive::unix_host {
namespace {

Status uname_info(const Host&, Families& out) {
  utsname name{};
  if (::uname(&name) != 0) return {Code::unavailable, "uname failed"};
  out.gauge("node_uname_info", "Labeled system information as provided by the uname system call.",
            1,
            {{"sysname", name.sysname},
             {"release", name.release},
             {"version", name.version},
             {"machine", name.machine},
             {"nodename", name.nodename},
             {"domainname", name.domainname}});
  return {};
}

/// os-release(5): assignments of a shell, quoted or not.
std::map<std::string, std::string> assignments(std::string_view text) {
  std::map<std::string, std::string> values;
  for (std::string_view line : lines(text)) {
    line = trim(line);
    const auto equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    std::string_view raw = line.substr(equals + 1);
    const char quote = !raw.empty() && (raw[0] == '"' || raw[0] == '\'') ? raw[0] : '\0';
    if (quote && raw.size() > 1 && raw.back() == quote) raw = raw.substr(1, raw.size() - 2);
    std::string value;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\\' && quote != '\'' && i + 1 < raw.size()) ++i;
      value += raw[i];
    }
    values[std::string(line.substr(0, equals))] = value;
  }
  return values;
}

/// The number that a version begins with: major, and minor where there is one.
double major_minor(std::string_view version) {
  std::size_t end = 0;
  bool dot = false;
  while (end < version.size() && ((version[end] >= '0' && version[end] <= '9') ||
                                  (version[end] == '.' && !dot && end > 0))) {
    dot |= version[end] == '.';
    ++end;
  }
  return number_or_zero(version.substr(0, end));
}

std::optional<double> midnight_of(const std::string& date) {
  std::tm tm{};
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return std::nullopt;
  tm.tm_year = static_cast<int>(number_or_zero(date.substr(0, 4))) - 1900;
  tm.tm_mon = static_cast<int>(number_or_zero(date.substr(5, 2))) - 1;
  tm.tm_mday = static_cast<int>(number_or_zero(date.substr(8, 2)));
  return static_cast<double>(::timegm(&tm));
}

Status os(const Host& host, Families& out) {
  auto text = host.root("etc/os-release");
  if (!text) text = host.root("usr/lib/os-release");
  if (!text) return no_data("no os-release file found");
  auto os = assignments(*text);
  out.gauge("node_os_info",
            "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, "
            "image_version, name, pretty_name, variant, variant_id, version, version_codename, "
            "version_id.",
            1,
            {{"build_id", os["BUILD_ID"]},
             {"id", os["ID"]},
             {"id_like", os["ID_LIKE"]},
             {"image_id", os["IMAGE_ID"]},
             {"image_version", os["IMAGE_VERSION"]},
             {"name", os["NAME"]},
             {"pretty_name", os["PRETTY_NAME"]},
             {"variant", os["VARIANT"]},
             {"variant_id", os["VARIANT_ID"]},
             {"version", os["VERSION"]},
             {"version_codename", os["VERSION_CODENAME"]},
             {"version_id", os["VERSION_ID"]}});
  if (const double version = major_minor(os["VERSION_ID"]); version > 0)
    out.gauge("node_os_version", "Metric containing the major.minor part of the OS version.",
              version, {{"id", os["ID"]}, {"id_like", os["ID_LIKE"]}, {"name", os["NAME"]}});
  if (const auto end = midnight_of(os["SUPPORT_END"]))
    out.gauge("node_os_support_end_timestamp_seconds",
              "Metric containing the end-of-life date timestamp of the OS.", *end);
  return {};
}

Status dmi(const Host& host, Families& out) {
  constexpr std::array kNames{
      "bios_date",      "bios_release",   "bios_vendor",     "bios_version",    "board_asset_tag",
      "board_name",     "board_serial",   "board_vendor",    "board_version",   "chassis_asset_tag",
      "chassis_serial", "chassis_vendor", "chassis_version", "product_family",  "product_name",
      "product_serial", "product_sku",    "product_uuid",    "product_version", "system_vendor"};
  std::vector<std::string> values;
  std::vector<Label> labels;
  values.reserve(kNames.size());
  for (const char* name : kNames) {
    const std::string_view file = std::string_view(name) == "system_vendor" ? "sys_vendor" : name;
    auto value = host.sys_text(Host::join("class/dmi/id", file));
    if (!value) continue;
    values.push_back(valid_utf8(*value));
    labels.push_back({name, values.back()});
  }
  if (labels.empty()) return no_data("this platform has no DMI information");
  out.add("node_dmi_info", "gauge",
          "A metric with a constant '1' value labeled by bios_date, bios_release, bios_vendor, "
          "bios_version, board_asset_tag, board_name, board_serial, board_vendor, board_version, "
          "chassis_asset_tag, chassis_serial, chassis_vendor, chassis_version, product_family, "
          "product_name, product_serial, product_sku, product_uuid, product_version, "
          "system_vendor if provided by DMI.",
          1, labels);
  return {};
}

Status time_of_day(const Host& host, Families& out) {
  const WallTime now = host.seams.loop.wall();
  out.gauge("node_time_seconds", "System time in seconds since epoch (1970).",
            static_cast<double>(now.unix_ns) / 1e9);
  const auto seconds = static_cast<std::time_t>(now.unix_ns / 1'000'000'000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  out.gauge("node_time_zone_offset_seconds", "System time zone offset in seconds.",
            static_cast<double>(local.tm_gmtoff), {{"time_zone", local.tm_zone}});
  for (const std::string& device : host.sys_names("devices/system/clocksource")) {
    if (!device.starts_with("clocksource")) continue;
    const std::string directory = Host::join("devices/system/clocksource", device);
    const auto available = host.sys_text(Host::join(directory, "available_clocksource"));
    const auto current = host.sys_text(Host::join(directory, "current_clocksource"));
    if (!available || !current) continue;
    const std::string_view index = std::string_view(device).substr(11);
    for (std::string_view source : words(*available))
      out.gauge("node_time_clocksource_available_info",
                "Available clocksources read from '/sys/devices/system/clocksource'.", 1,
                {{"device", index}, {"clocksource", source}});
    out.gauge("node_time_clocksource_current_info",
              "Current clocksource read from '/sys/devices/system/clocksource'.", 1,
              {{"device", index}, {"clocksource", *current}});
  }
  return {};
}

Status timex_stats(const Host&, Families& out) {
  timex t{};
  const int status = ::adjtimex(&t);
  if (status < 0) return no_data("adjtimex is not permitted");
  const double unit = (t.status & STA_NANO) != 0 ? 1e9 : 1e6;
  constexpr double kPpm = 1000000.0 * 65536.0;  // adjtimex(2): parts per million, 16 bits fraction
  const auto gauge = [&](const char* name, const char* help, double value) {
    out.gauge(name, help, value);
  };
  const auto counter = [&](const char* name, const char* help, double value) {
    out.counter(name, help, value);
  };
  gauge("node_timex_sync_status", "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
        status == TIME_ERROR ? 0 : 1);
  gauge("node_timex_offset_seconds", "Time offset in between local system and reference clock.",
        static_cast<double>(t.offset) / unit);
  gauge("node_timex_frequency_adjustment_ratio", "Local clock frequency adjustment.",
        1 + static_cast<double>(t.freq) / kPpm);
  gauge("node_timex_maxerror_seconds", "Maximum error in seconds.",
        static_cast<double>(t.maxerror) / 1e6);
  gauge("node_timex_estimated_error_seconds", "Estimated error in seconds.",
        static_cast<double>(t.esterror) / 1e6);
  gauge("node_timex_status", "Value of the status array bits.", t.status);
  gauge("node_timex_loop_time_constant", "Phase-locked loop time constant.",
        static_cast<double>(t.constant));
  gauge("node_timex_tick_seconds", "Seconds between clock ticks.",
        static_cast<double>(t.tick) / 1e6);
  gauge("node_timex_pps_frequency_hertz", "Pulse per second frequency.",
        static_cast<double>(t.ppsfreq) / kPpm);
  gauge("node_timex_pps_jitter_seconds", "Pulse per second jitter.",
        static_cast<double>(t.jitter) / unit);
  gauge("node_timex_pps_shift_seconds", "Pulse per second interval duration.", t.shift);
  gauge("node_timex_pps_stability_hertz",
        "Pulse per second stability, average of recent frequency changes.",
        static_cast<double>(t.stabil) / kPpm);
  counter("node_timex_pps_jitter_total", "Pulse per second count of jitter limit exceeded events.",
          static_cast<double>(t.jitcnt));
  counter("node_timex_pps_calibration_total", "Pulse per second count of calibration intervals.",
          static_cast<double>(t.calcnt));
  counter("node_timex_pps_error_total", "Pulse per second count of calibration errors.",
          static_cast<double>(t.errcnt));
  counter("node_timex_pps_stability_exceeded_total",
          "Pulse per second count of stability limit exceeded events.",
          static_cast<double>(t.stbcnt));
  gauge("node_timex_tai_offset_seconds", "International Atomic Time (TAI) offset.", t.tai);
  return {};
}

}  // namespace

Collect make_uname(const Arguments&) { return uname_info; }
Collect make_os(const Arguments&) { return os; }
Collect make_dmi(const Arguments&) { return dmi; }
Collect make_time(const Arguments&) { return time_of_day; }
Collect make_timex(const Arguments&) { return timex_stats; }

}  // namespace collector::receive::unix_host
