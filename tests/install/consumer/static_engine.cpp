// A component of the application's own, described with the engine's headers.
#include <collector/collector.h>
#include <collector/engine/component.hpp>
#include <collector/engine/status.hpp>

#include <cstdio>

namespace {

struct Args {
  std::string name = "own";
  std::int64_t limit = 7;
  static constexpr auto fields() {
    return std::tuple{collector::attr<&Args::name>("name", "What it is called."),
                      collector::attr<&Args::limit>("limit", "How many it takes.")};
  }
};

class Own final : public collector::Component<Args> {
 public:
  using Component::Component;
  collector::Task<collector::Status> run() override { co_return collector::Status(); }

 private:
  collector::Status update(Args) override { return {}; }
};

}  // namespace

int main() {
  const collector::Definition own = collector::define<Own>("app.own", "The application's own.");
  if (own.args()->fields.size() != 2) return 1;
  const collector::Status status(collector::Code::unavailable, "no room");
  std::printf("%s %d %s\n", col_version(), collector::to_http(status.code()),
              collector::to_string(status).c_str());
}
