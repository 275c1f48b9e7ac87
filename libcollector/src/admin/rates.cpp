#include "admin/rates.hpp"

#include <set>

namespace collector::admin {
namespace {

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

void EdgeRates::start() { look(); }

void EdgeRates::stop() {
  controller_.seams().loop.disarm(timer_);
  timer_ = TimerId::none;
}

void EdgeRates::look() {
  Loop& loop = controller_.seams().loop;
  std::set<Key> present;
  for (const auto& edge : controller_.edges()) {
    Key key{edge->from, edge->to};
    auto& looks = looks_[key];
    looks.push_back({loop.now(), edge->delivered + edge->rejected});
    if (looks.size() > kKept + 1) looks.pop_front();
    present.insert(std::move(key));
  }
  std::erase_if(looks_, [&](const auto& entry) { return !present.contains(entry.first); });
  timer_ = loop.arm(kEvery, [this] { look(); });
}

double EdgeRates::samples_per_second(const pipeline::Edge& edge) const {
  auto at = looks_.find({edge.from, edge.to});
  if (at == looks_.end() || at->second.size() < 2) return 0;
  const auto& looks = at->second;
  const std::size_t from = looks.size() > 6 ? looks.size() - 7 : 0;
  const double span = seconds(looks.back().at - looks[from].at);
  return span > 0 ? static_cast<double>(looks.back().settled - looks[from].settled) / span : 0;
}

std::vector<double> EdgeRates::history(const pipeline::Edge& edge) const {
  std::vector<double> rates;
  auto at = looks_.find({edge.from, edge.to});
  if (at == looks_.end()) return rates;
  for (std::size_t i = 1; i < at->second.size(); ++i) {
    const Look &a = at->second[i - 1], &b = at->second[i];
    const double span = seconds(b.at - a.at);
    rates.push_back(span > 0 ? static_cast<double>(b.settled - a.settled) / span : 0);
  }
  return rates;
}

}  // namespace collector::admin
