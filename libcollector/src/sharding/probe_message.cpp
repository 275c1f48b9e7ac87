#include "sharding/probe_message.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace collector::sharding {
namespace {

using State = ProbedMembership::State;
using json = nlohmann::json;

constexpr std::size_t kLongestMessage = 512U << 10;
constexpr std::size_t kLongestText = 512;
constexpr std::array<State, 3> kStates{State::viewer, State::participant, State::terminating};

Status invalid(std::string_view what) {
  return Status(Code::invalid_argument, fmt::format("no probe: {}", what));
}

/// A probe nests three deep; a parser's tree of deeper ones costs a hundred times their bytes.
bool nests_deeper_than(std::string_view text, int most) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > most) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

/// Names and addresses end up in logs and on pages.
bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool take(const json& object, const char* name, std::string& into) {
  const auto at = object.find(name);
  if (at == object.end() || !at->is_string()) return false;
  into = at->get<std::string>();
  return into.size() <= kLongestText && is_printable(into);
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::viewer:
      return "viewer";
    case State::participant:
      return "participant";
    case State::terminating:
      return "terminating";
  }
  return {};
}

std::string ProbeMessage::to_json() const {
  json out{{"node", node},
           {"instance", instance},
           {"cluster", cluster},
           {"address", address},
           {"state", to_string(state)},
           {"revision", fmt::format("{:016x}", revision)}};
  json list = json::array();
  for (const Member& m : members) list.push_back({{"node", m.name}, {"address", m.address}});
  out["members"] = std::move(list);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<ProbeMessage> ProbeMessage::parse(std::string_view text) {
  if (text.size() > kLongestMessage) return invalid("it is too long");
  if (nests_deeper_than(text, 8)) return invalid("it nests too deeply");
  const json in = json::parse(text, nullptr, false);
  if (!in.is_object()) return invalid("it is not a JSON object");
  ProbeMessage out;
  std::string state, revision;
  for (auto [name, into] : {std::pair{"node", &out.node}, std::pair{"instance", &out.instance},
                            std::pair{"cluster", &out.cluster}, std::pair{"address", &out.address},
                            std::pair{"state", &state}, std::pair{"revision", &revision}})
    if (!take(in, name, *into)) return invalid(fmt::format("\"{}\" is no short text", name));
  if (out.node.empty() || out.instance.empty()) return invalid("it names no node");
  bool known = false;
  for (const State s : kStates)
    if (state == to_string(s)) {
      out.state = s;
      known = true;
    }
  if (!known) return invalid("\"state\" is unknown");
  const auto [end, error] =
      std::from_chars(revision.data(), revision.data() + revision.size(), out.revision, 16);
  if (error != std::errc() || end != revision.data() + revision.size())
    return invalid("\"revision\" is no hexadecimal number");
  const auto list = in.find("members");
  if (list == in.end() || !list->is_array() || list->size() > kMostPeers)
    return invalid("\"members\" is no list, or too long");
  for (const json& entry : *list) {
    Member member;
    if (!entry.is_object() || !take(entry, "node", member.name) ||
        !take(entry, "address", member.address))
      return invalid("a member is not as it should be");
    out.members.push_back(std::move(member));
  }
  return out;
}

}  // namespace collector::sharding
