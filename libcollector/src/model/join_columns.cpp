#include "model/join_columns.hpp"

namespace collector::model {
namespace {

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void join_columns(MetricColumns& to, const MetricColumns& from) {
  if (!from.start_timestamp.empty() || !to.start_timestamp.empty()) {
    to.start_timestamp.resize(to.series.size());
    append(to.start_timestamp, from.start_timestamp);
    to.start_timestamp.resize(to.series.size() + from.series.size());
  }
  append(to.series, from.series);
  append(to.timestamp, from.timestamp);
  append(to.value, from.value);
  append(to.histograms, from.histograms);
  append(to.exemplars, from.exemplars);
  if (!to.metadata) to.metadata = from.metadata;
  if (!to.lease) to.lease = from.lease;
}

}  // namespace collector::model
