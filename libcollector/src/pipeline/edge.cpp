#include "pipeline/edge.hpp"

namespace collector::pipeline {

std::shared_ptr<Edge> EdgeTable::edge(const std::string& from, const std::string& to) {
  std::weak_ptr<Edge>& slot = edges_[{from, to}];
  if (auto known = slot.lock()) return known;
  std::erase_if(edges_, [&](const auto& e) { return &e.second != &slot && e.second.expired(); });
  auto made = std::make_shared<Edge>();
  made->from = from;
  made->to = to;
  slot = made;
  return made;
}

std::vector<std::shared_ptr<const Edge>> EdgeTable::all() const {
  std::vector<std::shared_ptr<const Edge>> out;
  for (const auto& [key, weak] : edges_)
    if (auto edge = weak.lock()) out.push_back(std::move(edge));
  return out;
}

}  // namespace collector::pipeline
