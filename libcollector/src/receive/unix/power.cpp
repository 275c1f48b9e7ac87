// thermal_zone, rapl, powersupplyclass, watchdog: heat, energy and their guards, from sysfs.
#include "receive/unix/collectors.hpp"
#include "receive/unix/filter.hpp"

#include <fmt/format.h>

#include <array>
#include <map>

namespace collector::receive::unix_host {
namespace {

Status thermal_zone(const Host& host, Families& out) {
  for (const std::string& name : host.sys_names("class/thermal")) {
    const auto file = [&](const char* f) {
      return host.sys_text(fmt::format("class/thermal/{}/{}", name, f));
    };
    const std::string type = file("type").value_or("");
    if (name.starts_with("thermal_zone")) {
      // A zone whose device is asleep has no temperature.
      if (const auto temp = number(file("temp").value_or("")))
        out.gauge("node_thermal_zone_temp", "Zone temperature in Celsius", *temp / 1000,
                  {{"zone", name.substr(12)}, {"type", type}});
    } else if (name.starts_with("cooling_device")) {
      const std::string device = name.substr(14);
      if (const auto now = number(file("cur_state").value_or("")))
        out.gauge("node_cooling_device_cur_state", "Current throttle state of the cooling device",
                  *now, {{"name", device}, {"type", type}});
      if (const auto most = number(file("max_state").value_or("")))
        out.gauge("node_cooling_device_max_state", "Maximum throttle state of the cooling device",
                  *most, {{"name", device}, {"type", type}});
    }
  }
  return {};
}

Status rapl(const Host& host, Families& out) {
  if (!host.seams.files.info(Host::join(host.sysfs, "class/powercap")))
    return no_data("this platform has no powercap files");
  std::map<std::string, int> used;
  for (const std::string& entry : host.sys_names("class/powercap")) {
    const std::string directory = Host::join("class/powercap", entry);
    auto name = host.sys_text(Host::join(directory, "name"));
    if (!name) continue;
    // `package-0` is zone package with index 0; others count up.
    std::string zone = *name;
    int index = used[zone];
    const auto dash = zone.find('-');
    if (dash != std::string::npos && zone.find('-', dash + 1) == std::string::npos)
      if (const auto i = number(zone.substr(dash + 1))) {
        index = static_cast<int>(*i);
        zone.erase(dash);
      }
    used[zone] = index + 1;
    const auto energy = host.sys_number(Host::join(directory, "energy_uj"));
    if (!energy) return no_data("energy_uj cannot be read");
    out.counter(fmt::format("node_rapl_{}_joules_total", metric_name(zone)),
                fmt::format("Current RAPL {} value in joules", zone), *energy / 1e6,
                {{"index", std::to_string(index)}, {"path", Host::join(host.sysfs, directory)}});
  }
  return {};
}

struct Supply {
  const char *file, *name;
  double scale;
};
constexpr std::array kSupplies{
    Supply{"authentic", "authentic", 1},
    Supply{"calibrate", "calibrate", 1},
    Supply{"capacity", "capacity", 1},
    Supply{"capacity_alert_max", "capacity_alert_max", 1},
    Supply{"capacity_alert_min", "capacity_alert_min", 1},
    Supply{"cycle_count", "cyclecount", 1},
    Supply{"online", "online", 1},
    Supply{"present", "present", 1},
    Supply{"time_to_empty_now", "time_to_empty_seconds", 1},
    Supply{"time_to_full_now", "time_to_full_seconds", 1},
    Supply{"current_boot", "current_boot", 1e-6},
    Supply{"current_max", "current_max", 1e-6},
    Supply{"current_now", "current_ampere", 1e-6},
    Supply{"energy_empty", "energy_empty", 1e-6},
    Supply{"energy_empty_design", "energy_empty_design", 1e-6},
    Supply{"energy_full", "energy_full", 1e-6},
    Supply{"energy_full_design", "energy_full_design", 1e-6},
    Supply{"energy_now", "energy_watthour", 1e-6},
    Supply{"voltage_boot", "voltage_boot", 1e-6},
    Supply{"voltage_max", "voltage_max", 1e-6},
    Supply{"voltage_max_design", "voltage_max_design", 1e-6},
    Supply{"voltage_min", "voltage_min", 1e-6},
    Supply{"voltage_min_design", "voltage_min_design", 1e-6},
    Supply{"voltage_now", "voltage_volt", 1e-6},
    Supply{"voltage_ocv", "voltage_ocv", 1e-6},
    Supply{"charge_control_limit", "charge_control_limit", 1e-6},
    Supply{"charge_control_limit_max", "charge_control_limit_max", 1e-6},
    Supply{"charge_counter", "charge_counter", 1e-6},
    Supply{"charge_empty", "charge_empty", 1e-6},
    Supply{"charge_empty_design", "charge_empty_design", 1e-6},
    Supply{"charge_full", "charge_full", 1e-6},
    Supply{"charge_full_design", "charge_full_design", 1e-6},
    Supply{"charge_now", "charge_ampere", 1e-6},
    Supply{"charge_term_current", "charge_term_current", 1e-6},
    Supply{"constant_charge_current", "constant_charge_current", 1e-6},
    Supply{"constant_charge_current_max", "constant_charge_current_max", 1e-6},
    Supply{"constant_charge_voltage", "constant_charge_voltage", 1e-6},
    Supply{"constant_charge_voltage_max", "constant_charge_voltage_max", 1e-6},
    Supply{"precharge_current", "precharge_current", 1e-6},
    Supply{"input_current_limit", "input_current_limit", 1e-6},
    Supply{"power_now", "power_watt", 1e-6},
    Supply{"temp", "temp_celsius", 0.1},
    Supply{"temp_alert_max", "temp_alert_max_celsius", 0.1},
    Supply{"temp_alert_min", "temp_alert_min_celsius", 0.1},
    Supply{"temp_ambient", "temp_ambient_celsius", 0.1},
    Supply{"temp_ambient_max", "temp_ambient_max_celsius", 0.1},
    Supply{"temp_ambient_min", "temp_ambient_min_celsius", 0.1},
    Supply{"temp_max", "temp_max_celsius", 0.1},
    Supply{"temp_min", "temp_min_celsius", 0.1}};
constexpr std::array<const char*, 11> kSupplyTexts{
    "capacity_level", "charge_type", "health",     "manufacturer", "model_name", "scope",
    "serial_number",  "status",      "technology", "type",         "usb_type"};

Status power_supplies(const DeviceFilter& ignored, const Host& host, Families& out) {
  if (!host.seams.files.info(Host::join(host.sysfs, "class/power_supply")))
    return no_data("this host has no power supply class");
  for (const std::string& supply : host.sys_names("class/power_supply")) {
    if (ignored.ignored(supply)) continue;
    const auto file = [&](const char* name) {
      return host.sys_text(fmt::format("class/power_supply/{}/{}", supply, name));
    };
    for (const Supply& s : kSupplies) {
      const auto text = file(s.file);
      const auto value = text ? number(*text) : std::nullopt;
      if (!value) continue;
      // Divided, as node_exporter does it: the last digit agrees.
      const double scaled = s.scale == 1 ? *value : s.scale == 0.1 ? *value / 10 : *value / 1e6;
      out.gauge(fmt::format("node_power_supply_{}", s.name),
                fmt::format("{} value of /sys/class/power_supply/<power_supply>.", s.name), scaled,
                {{"power_supply", supply}});
    }
    std::vector<std::string> values;
    values.reserve(kSupplyTexts.size());
    std::vector<Label> labels{{"power_supply", supply}};
    for (const char* name : kSupplyTexts)
      if (auto text = file(name); text && !text->empty()) {
        values.push_back(std::move(*text));
        labels.push_back({name, values.back()});
      }
    out.add("node_power_supply_info", "gauge", "info of /sys/class/power_supply/<power_supply>.", 1,
            labels);
  }
  return {};
}

Status watchdog(const Host& host, Families& out) {
  if (!host.seams.files.info(Host::join(host.sysfs, "class/watchdog")))
    return no_data("this host has no watchdog class");
  constexpr std::array<std::pair<const char*, const char*>, 7> kNumbers{
      {{"bootstatus", "bootstatus"},
       {"fw_version", "fw_version"},
       {"nowayout", "nowayout"},
       {"timeleft", "timeleft_seconds"},
       {"timeout", "timeout_seconds"},
       {"pretimeout", "pretimeout_seconds"},
       {"access_cs0", "access_cs0"}}};
  for (const std::string& name : host.sys_names("class/watchdog")) {
    const auto file = [&](const char* f) {
      return host.sys_text(fmt::format("class/watchdog/{}/{}", name, f));
    };
    for (const auto& [f, metric] : kNumbers)
      if (const auto text = file(f))
        if (const auto value = number(*text))
          out.gauge(fmt::format("node_watchdog_{}", metric),
                    fmt::format("Value of /sys/class/watchdog/<watchdog>/{}", f), *value,
                    {{"name", name}});
    out.gauge("node_watchdog_info", "Info of /sys/class/watchdog/<watchdog>", 1,
              {{"name", name},
               {"options", file("options").value_or("")},
               {"identity", file("identity").value_or("")},
               {"state", file("state").value_or("")},
               {"status", file("status").value_or("")},
               {"pretimeout_governor", file("pretimeout_governor").value_or("")}});
  }
  return {};
}

}  // namespace

Collect make_thermal_zone(const Arguments&) { return thermal_zone; }
Collect make_rapl(const Arguments&) { return rapl; }
Collect make_powersupplyclass(const Arguments& arguments) {
  return [filter = DeviceFilter(arguments.powersupply.ignored_supplies, "")](
             const Host& host, Families& out) { return power_supplies(filter, host, out); };
}
Collect make_watchdog(const Arguments&) { return watchdog; }

}  // namespace collector::receive::unix_host
