// hwmon: temperatures, fans, voltages (Documentation/hwmon/sysfs-interface.rst).
#include "receive/unix/collectors.hpp"
#include "receive/unix/filter.hpp"
#include "receive/unix/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace collector::receive::unix_host {
namespace {

constexpr std::array<std::string_view, 14> kSensorTypes{
    "vrm",  "beep_enable", "update_interval", "in",     "cpu",      "fan",       "pwm",
    "temp", "curr",        "power",           "energy", "humidity", "intrusion", "freq"};

/// Lower case, everything but letters, digits, colons as underscores, none at the ends.
std::string clean(std::string_view text) {
  std::string name;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '_';
    name += keep ? c : '_';
  }
  const auto first = name.find_first_not_of('_');
  if (first == std::string::npos) return {};
  return name.substr(first, name.find_last_not_of('_') - first + 1);
}

struct SensorFile {
  std::string_view type, number, property;
};
/// `temp1_max` is temp, 1, max; `beep_enable` has neither number nor property.
std::optional<SensorFile> sensor_file(std::string_view name) {
  const auto digit = std::min(name.find_first_of("0123456789"), name.size());
  SensorFile file{name.substr(0, digit), {}, {}};
  if (digit == 0) return std::nullopt;
  // Without a number all of it is the type: `beep_enable`, but also `power_state` of PCI devices.
  if (digit < name.size()) {
    const auto end = std::min(name.find_first_not_of("0123456789", digit), name.size());
    file.number = name.substr(digit, end - digit);
    while (file.number.size() > 1 && file.number[0] == '0') file.number.remove_prefix(1);
    if (end < name.size()) {
      if (name[end] != '_') return std::nullopt;
      file.property = name.substr(end + 1);
    }
  }
  if (std::find(kSensorTypes.begin(), kSensorTypes.end(), file.type) == kSensorTypes.end())
    return std::nullopt;
  return file;
}

/// A path without `..`, by its text.
std::string normal(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty())
      parts.pop_back();
    else
      parts.push_back(part);
  }
  std::string out;
  for (std::string_view part : parts) out += '/' + std::string(part);
  return out;
}

/// Where the symbolic link at `path` leads, or `path`.
std::string followed(const Host& host, const std::string& path) {
  auto link = host.seams.files.read_link(path);
  if (!link) return path;
  if (link->starts_with('/')) return normal(*link);
  return normal(path.substr(0, path.rfind('/') + 1) + *link);
}

struct Chip {
  std::string directory, base, name_file;
};

/// Sensor number follows from the order in which modules load, so chips are named after their
/// device, else after what they call themselves.
std::string base_name(const Host& host, const std::string& directory, std::string_view name_file) {
  const std::string real = followed(host, Host::join(host.sysfs, directory));
  if (host.seams.files.info(real + "/device")) {
    const std::string device = followed(host, real + "/device");
    const auto slash = device.rfind('/');
    const std::string parent = device.substr(0, slash);
    const std::string name = clean(device.substr(slash + 1));
    const std::string type = clean(parent.substr(parent.rfind('/') + 1));
    if (!type.empty() && !name.empty()) return type + '_' + name;
    if (!name.empty()) return name;
  }
  if (std::string name = clean(name_file); !name.empty()) return name;
  return clean(real.substr(real.rfind('/') + 1));
}

using Sensors = std::map<std::string, std::map<std::string, std::string>>;

void read_sensors(const Host& host, const std::string& directory, Sensors& sensors) {
  for (const std::string& name : host.sys_names(directory)) {
    const auto file = sensor_file(name);
    if (!file) continue;
    auto text = host.sys(Host::join(directory, name));
    if (!text) continue;
    while (text->ends_with('\n')) text->pop_back();
    const std::string number(file->number.empty() ? "0" : file->number);
    sensors[std::string(file->type) + number][std::string(file->property)] = std::move(*text);
  }
}

constexpr double kMicro = 1e-6;

struct Unit {
  std::string name, help;
  double scale = 1;
  bool counter = false;

  /// Multiplying by 1e-6 does not round as dividing does.
  double of(double value) const { return scale == kMicro ? value / 1e6 : value * scale; }
};

/// Name, help and scale of one value of a sensor.
Unit unit_of(std::string_view type, std::string element, std::string name) {
  if (element == "fault" || element == "alarm")
    return {name, fmt::format("Hardware sensor {} status ({})", element, type)};
  if (element == "beep") return {name + "_enabled", "Hardware monitor sensor has beeping enabled"};
  if (type == "in" || type == "cpu")
    return {name + "_volts", fmt::format("Hardware monitor for voltage ({})", element), 0.001};
  if (type == "temp" && element != "type") {
    if (element.empty()) element = "input";
    return {name + "_celsius", fmt::format("Hardware monitor for temperature ({})", element),
            0.001};
  }
  if (type == "curr")
    return {name + "_amps", fmt::format("Hardware monitor for current ({})", element), 0.001};
  if (type == "energy")
    return {name + "_joule_total",
            fmt::format("Hardware monitor for joules used so far ({})", element), kMicro, true};
  if (type == "power" && element == "accuracy")
    return {name, "Hardware monitor power meter accuracy, as a ratio", kMicro};
  if (type == "power" && element.starts_with("average_interval"))
    return {name + "_seconds",
            fmt::format("Hardware monitor power usage update interval ({})", element), 0.001};
  if (type == "power")
    return {name + "_watt", fmt::format("Hardware monitor for power usage in watts ({})", element),
            kMicro};
  if (type == "humidity")
    return {name,
            fmt::format("Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the "
                        "humidity as a percentage) ({})",
                        element),
            kMicro};
  if (type == "fan" &&
      (element == "input" || element == "min" || element == "max" || element == "target"))
    return {name + "_rpm",
            fmt::format("Hardware monitor for fan revolutions per minute ({})", element)};
  return {name, fmt::format("Hardware monitor {} element {}", type, element)};
}

void report_value(Families& out, const std::string& chip, const std::string& sensor,
                  std::string_view type, const std::map<std::string, std::string>& values,
                  const std::string& element, double value) {
  std::string name = fmt::format("node_hwmon_{}", type);
  if (element == "input") {
    if (values.contains("")) name += "_input";
  } else if (!element.empty()) {
    name += '_' + clean(element);
  }
  if (type == "freq" && element == "input") {
    if (const auto label = values.find("label"); label != values.end())
      out.gauge(name + "_freq_mhz", "Hardware monitor for GPU frequency in MHz", value / 1e6,
                {{"chip", chip}, {"sensor", clean(label->second)}});
    return;
  }
  const Unit unit = unit_of(type, element, name);
  const Labels labels{{"chip", chip}, {"sensor", sensor}};
  if (unit.counter)
    out.counter(unit.name, unit.help, unit.of(value), labels);
  else
    out.gauge(unit.name, unit.help, unit.of(value), labels);
}

void report_sensor(Families& out, const std::string& chip, const std::string& sensor,
                   const std::map<std::string, std::string>& values) {
  const auto file = sensor_file(sensor);
  const std::string type(file ? file->type : std::string_view(sensor));
  if (const auto label = values.find("label"); label != values.end())
    out.gauge("node_hwmon_sensor_label", "Label for given chip and sensor", 1,
              {{"chip", chip}, {"sensor", sensor}, {"label", valid_utf8(label->second)}});
  const auto plain = values.find("");
  const auto value = number(plain == values.end() ? std::string_view() : plain->second);
  const Labels labels{{"chip", chip}, {"sensor", sensor}};
  if (type == "beep_enable") {
    out.gauge("node_hwmon_beep_enabled", "Hardware beep enabled", value == 1.0 ? 1 : 0, labels);
  } else if (type == "vrm") {
    if (value)
      out.gauge("node_hwmon_voltage_regulator_version", "Hardware voltage regulator", *value,
                labels);
  } else if (type == "update_interval") {
    if (value)
      out.gauge("node_hwmon_update_interval_seconds", "Hardware monitor update interval",
                *value * 0.001, labels);
  } else {
    for (const auto& [element, text] : values)
      if (element != "label")
        if (const auto parsed = number(text))
          report_value(out, chip, sensor, type, values, element, *parsed);
  }
}

Status hwmon(const DeviceFilter& filter, const Host& host, Families& out) {
  if (!host.seams.files.info(Host::join(host.sysfs, "class/hwmon")))
    return no_data("this host has no hardware monitors");
  std::vector<Chip> chips;
  std::map<std::string, int> bases, names;
  for (const std::string& entry : host.sys_names("class/hwmon")) {
    Chip chip{Host::join("class/hwmon", entry), {}, {}};
    chip.name_file = host.sys_text(Host::join(chip.directory, "name")).value_or("");
    chip.base = base_name(host, chip.directory, chip.name_file);
    ++bases[chip.base];
    ++names[chip.base + '\n' + chip.name_file];
    chips.push_back(std::move(chip));
  }
  for (const Chip& chip : chips) {
    std::string name = chip.base;
    if (bases[chip.base] > 1) {
      // Several monitors of one device: told apart by what they call themselves.
      std::string suffix = clean(chip.name_file);
      if (suffix.empty() || names[chip.base + '\n' + chip.name_file] > 1)
        suffix = clean(chip.directory.substr(chip.directory.rfind('/') + 1));
      name += '_' + suffix;
    }
    if (filter.ignored(name)) continue;
    Sensors sensors;
    read_sensors(host, chip.directory, sensors);
    read_sensors(host, Host::join(chip.directory, "device"), sensors);
    if (const std::string human = clean(chip.name_file); !human.empty())
      out.gauge("node_hwmon_chip_names", "Annotation metric for human-readable chip names", 1,
                {{"chip", name}, {"chip_name", human}});
    for (const auto& [sensor, values] : sensors) report_sensor(out, name, sensor, values);
  }
  return {};
}

}  // namespace

Collect make_hwmon(const Arguments& arguments) {
  return [filter = DeviceFilter(arguments.hwmon.chip_exclude, arguments.hwmon.chip_include)](
             const Host& host, Families& out) { return hwmon(filter, host, out); };
}

}  // namespace collector::receive::unix_host
