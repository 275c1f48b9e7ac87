// A folder with whatever bytes as segment and cursor opens or is refused; what it then takes it
// gives back, and reading ends.
#include <collector/engine/testing.hpp>

#include "outbox/file_log.hpp"
#include "outbox/inspect.hpp"

#include <cstdlib>

using namespace collector;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  testing::SimulatedLoop loop;
  testing::SeededRandom random(1);
  testing::SimulatedFiles files(loop, random);
  const std::string folder = "/o/c/0/d";
  const std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::string segment =
      bytes.substr(0, bytes.size() - std::min(bytes.size(), std::size_t{data[1]}));
  // A good header before it, so that frames are reached; or none.
  if (data[0] % 2 == 0)
    segment = outbox::encode_segment_header({7, 1, 0, {"c", "n", "f", "u", "t"}}) + segment;
  files.put(folder + "/" + outbox::segment_name(1), segment);
  files.put(folder + "/cursor",
            bytes.substr(bytes.size() - std::min(bytes.size(), std::size_t{data[1]})));
  (void)outbox::inspect_log(files, folder, true);
  outbox::FileLog::Options options;
  options.destination.fingerprint = "f";
  options.reserve = 0;
  auto log = outbox::FileLog::open(loop, files, random, folder, options);
  if (!log) return 0;
  std::string buffer;
  outbox::Log::begin(buffer, "ctx");
  buffer += "a body";
  outbox::Frame frame;
  frame.items = 1;
  frame.context_size = 3;
  const auto stored = (*log)->append(frame, buffer);
  outbox::Position position;
  bool found = false;
  for (std::size_t i = 0; auto next = (*log)->next(position); ++i) {
    if (i > size) std::abort();  // more frames than bytes
    const auto payload = (*log)->read(*next);
    if (stored && next->sequence == stored->sequence) found = payload && *payload == "ctxa body";
    (*log)->acknowledge(*next);
  }
  if (stored && !found) std::abort();
  if (stored && (*log)->waiting().frames != 0) std::abort();
  return 0;
}
