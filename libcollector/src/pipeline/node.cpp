#include "pipeline/node.hpp"

#include "net/http.hpp"
#include "schema/decode.hpp"

namespace collector {
namespace schema {
namespace {

struct ReceiverCodec final : Codec {
  std::string type() const override { return "MetricsReceiver"; }
  bool decode(const syntax::Value& value, void* into, Misfit& misfit) const override {
    auto state = value.capsule_as<pipeline::ReceiverState>();
    if (!state) {
      misfit.what = "should be a metrics receiver, is " + std::string(to_string(value.type()));
      return false;
    }
    *static_cast<MetricsReceiver*>(into) =
        MetricsReceiver(std::const_pointer_cast<pipeline::ReceiverState>(state));
    return true;
  }
  void encode(const void* from, syntax::Value& value) const override {
    auto state = static_cast<const MetricsReceiver*>(from)->state();
    value = state ? syntax::Value(std::shared_ptr<const syntax::Capsule>(state)) : syntax::Value();
  }
};

}  // namespace

const Codec& CodecFor<MetricsReceiver>::get() {
  static const ReceiverCodec codec;
  return codec;
}

}  // namespace schema

const std::string& Context::id() const { return node_.id(); }
const std::string& Context::label() const { return node_.label(); }
Seams& Context::seams() { return node_.env().seams; }
base::Logger& Context::log() { return node_.log(); }
model::SeriesTable& Context::series() { return node_.env().series; }
pipeline::OwnMetrics& Context::metrics() { return node_.metrics(); }
sharding::Membership* Context::cluster() { return node_.env().cluster; }
std::stop_token Context::stop() { return node_.stop_token(); }
Instant Context::drain_deadline() const { return node_.env().drain_deadline; }
const std::string& Context::storage_path() const { return node_.env().storage_path; }
void Context::work_waiting(std::size_t items, std::string reason) {
  node_.health().work_waiting(loop(), items, std::move(reason));
}
void Context::work_completed() { node_.health().work_completed(loop()); }
void Context::expect_progress_every(Duration interval) {
  node_.health().expect_progress_every(interval);
}

Task<net::Response> AnyComponent::serve(net::Request) {
  net::Response response;
  response.status = 404;
  co_return response;
}

namespace pipeline {

Node::Node(Environment& env, const Definition& definition, std::string id, std::string label)
    : env_(env),
      definition_(definition),
      id_(std::move(id)),
      label_(std::move(label)),
      log_(env.log.with("component_id", id_)),
      metrics_(env.metrics, {{"component_id", id_}}),
      component_(definition.create(context_)) {}

Node::~Node() {
  component_.reset();
  for (auto& receiver : receivers_) receiver->sink = nullptr;
}

Status Node::give(const ArgsBox& args) {
  const Instant begin = env_.seams.loop.now();
  Status status = component_->update_any(args.data());
  if (env_.evaluated) env_.evaluated(env_.seams.loop.now() - begin);
  return status;
}

Status Node::create(ArgsBox args) {
  Status status = give(args);
  if (status.ok()) args_.emplace(std::move(args));
  changed_ = false;
  return status;
}

Status Node::update(ArgsBox args) {
  Status status = give(args);
  health_.update_failed(env_.seams.loop, status.ok() ? "" : status.what());
  if (status.ok())
    args_.emplace(std::move(args));
  else
    log_.error("update failed; the old arguments stay in force", {{"err", status.what()}});
  return status;
}

void Node::start() {
  running_ = true;
  health_.started(env_.seams.loop);
  spawn(component_->run(), [this](Status status) {
    running_ = false;
    health_.exited(env_.seams.loop, status.ok() ? "exited" : "exited: " + status.what());
    if (!stop_.stop_requested())
      log_.error("component ended by itself", {{"err", to_string(status)}});
    if (ended_) env_.seams.loop.post(std::move(ended_));
  });
}

void Node::stop(Function<void()> ended) {
  if (!running_) return env_.seams.loop.post(std::move(ended));
  ended_ = std::move(ended);
  stop_.request_stop();
}

void Node::publish(syntax::Value exports) {
  if (exports == exports_) return;
  exports_ = std::move(exports);
  changed_ = true;
  if (running_ && env_.exports_changed) env_.exports_changed();
}

MetricsReceiver Node::make_receiver(Sink<Metrics>& sink) {
  auto state = std::make_shared<ReceiverState>();
  state->node = id_;
  state->sink = &sink;
  receivers_.push_back(state);
  return MetricsReceiver(std::move(state));
}

void publish_exports(Node& node, const schema::StructInfo& info, const void* exports) {
  node.publish(syntax::Value(schema::encode(info, exports)));
}
MetricsReceiver make_receiver(Node& node, Sink<Metrics>& sink) { return node.make_receiver(sink); }

}  // namespace pipeline
}  // namespace collector
