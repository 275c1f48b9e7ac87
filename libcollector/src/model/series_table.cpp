#include "model/series_table.hpp"

#include "wire/varint.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <cstring>
#include <map>

namespace collector::model {
namespace {

// Field numbers of prometheus.TimeSeries and prometheus.Label (remote write 1.0, types.proto).
constexpr char kLabelsTag = 0x0a;
constexpr char kNameTag = 0x0a;
constexpr char kValueTag = 0x12;

void encode_pair(const Label& label, std::string& out) {
  const std::size_t body = 2 + wire::varint_size(label.name.size()) + label.name.size() +
                           wire::varint_size(label.value.size()) + label.value.size();
  out.resize(1 + wire::varint_size(body) + body);
  char* p = out.data();
  *p++ = kLabelsTag;
  p = wire::put_varint(p, body);
  *p++ = kNameTag;
  p = wire::put_varint(p, label.name.size());
  std::memcpy(p, label.name.data(), label.name.size());
  p += label.name.size();
  *p++ = kValueTag;
  p = wire::put_varint(p, label.value.size());
  std::memcpy(p, label.value.data(), label.value.size());
}

std::string_view text_of(std::span<const std::uint32_t> pairs) {
  return {reinterpret_cast<const char*>(pairs.data()), pairs.size_bytes()};
}

}  // namespace

/// Live leases by epoch; outlives the table when a batch does.
struct TableLease::Epochs {
  std::uint64_t now = 0;
  std::map<std::uint64_t, std::size_t> live;
};

TableLease::TableLease(std::shared_ptr<Epochs> epochs, std::uint64_t epoch)
    : epochs_(std::move(epochs)), epoch_(epoch) {
  ++epochs_->live[epoch_];
}
TableLease::~TableLease() {
  const auto it = epochs_->live.find(epoch_);
  if (--it->second == 0) epochs_->live.erase(it);
}

/// Sets of indexes, hashed and compared by what they stand for.
struct SeriesTable::Indexes {
  struct Key {
    std::string_view bytes;
    std::uint32_t hash;
  };
  struct PairHash {
    using is_transparent = void;
    const SeriesTable* t;
    std::size_t operator()(std::uint32_t i) const { return t->pairs_[i].hash * kSpread; }
    std::size_t operator()(const Key& k) const { return k.hash * kSpread; }
  };
  struct PairEqual {
    using is_transparent = void;
    const SeriesTable* t;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(const Key& k, std::uint32_t i) const {
      const Pair& p = t->pairs_[i];
      return p.hash == k.hash && t->bytes_of(p) == k.bytes;
    }
    bool operator()(std::uint32_t i, const Key& k) const { return (*this)(k, i); }
  };
  struct SeriesHash {
    using is_transparent = void;
    const SeriesTable* t;
    std::size_t operator()(std::uint32_t i) const { return t->hash_of(t->records_[i]) * kSpread; }
    std::size_t operator()(const Key& k) const { return k.hash * kSpread; }
  };
  struct SeriesEqual {
    using is_transparent = void;
    const SeriesTable* t;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(const Key& k, std::uint32_t i) const {
      const Record& r = t->records_[i];
      return text_of(t->pairs_of(r)) == k.bytes;
    }
    bool operator()(std::uint32_t i, const Key& k) const { return (*this)(k, i); }
  };
  static constexpr std::size_t kSpread = 0x9e3779b97f4a7c15;

  explicit Indexes(const SeriesTable* t)
      : pairs(0, PairHash{t}, PairEqual{t}), series(0, SeriesHash{t}, SeriesEqual{t}) {}
  boost::unordered_flat_set<std::uint32_t, PairHash, PairEqual> pairs;
  boost::unordered_flat_set<std::uint32_t, SeriesHash, SeriesEqual> series;
};

SeriesTable::SeriesTable(Random& random)
    : seed_(random.next()),
      indexes_(std::make_unique<Indexes>(this)),
      epochs_(std::make_shared<TableLease::Epochs>()) {}
SeriesTable::~SeriesTable() = default;

std::uint32_t SeriesTable::hash_of(const Record& r) const {
  return static_cast<std::uint32_t>(base::hash64(text_of(pairs_of(r)), seed_));
}

std::uint32_t SeriesTable::intern_pair(const Label& label) {
  encode_pair(label, scratch_);
  const auto hash = static_cast<std::uint32_t>(base::hash64(scratch_, seed_));
  const auto it = indexes_->pairs.find(Indexes::Key{scratch_, hash});
  if (it != indexes_->pairs.end()) {
    ++pairs_[*it].references;
    return *it;
  }
  std::uint32_t id = 0;
  if (free_pairs_.empty()) {
    id = static_cast<std::uint32_t>(pairs_.size());
    pairs_.emplace_back();
  } else {
    id = free_pairs_.back();
    free_pairs_.pop_back();
  }
  Pair& pair = pairs_[id];
  pair.block = arena_.take(scratch_.size());
  pair.size = static_cast<std::uint32_t>(scratch_.size());
  pair.references = 1;
  pair.hash = hash;
  std::memcpy(arena_.at(pair.block), scratch_.data(), scratch_.size());
  indexes_->pairs.insert(id);
  return id;
}

void SeriesTable::release_pair(std::uint32_t id) {
  Pair& pair = pairs_[id];
  if (--pair.references > 0) return;
  indexes_->pairs.erase(id);
  arena_.give(pair.block, pair.size);
  free_pairs_.push_back(id);
}

SeriesId SeriesTable::intern(std::span<const Label> sorted) {
  scratch_pairs_.clear();
  for (const Label& label : sorted) scratch_pairs_.push_back(intern_pair(label));
  const std::string_view key = text_of(scratch_pairs_);
  const auto hash = static_cast<std::uint32_t>(base::hash64(key, seed_));
  if (const auto it = indexes_->series.find(Indexes::Key{key, hash});
      it != indexes_->series.end()) {
    for (const std::uint32_t pair : scratch_pairs_) release_pair(pair);
    ++records_[*it].references;  // a retired one comes back to life
    return SeriesId{*it};
  }
  reclaim();
  std::uint32_t id = 0;
  if (free_records_.empty()) {
    id = static_cast<std::uint32_t>(records_.size());
    records_.emplace_back();
  } else {
    id = free_records_.back();
    free_records_.pop_back();
  }
  Record& r = records_[id];
  r.block = arena_.take(key.size());
  std::memcpy(arena_.at(r.block), key.data(), key.size());
  r.count = static_cast<std::uint32_t>(scratch_pairs_.size());
  r.references = 1;
  r.encoded_size = 0;
  for (const std::uint32_t pair : scratch_pairs_) r.encoded_size += pairs_[pair].size;
  indexes_->series.insert(id);
  ++live_;
  return SeriesId{id};
}

SeriesId SeriesTable::intern(const LabelsBuilder& labels) {
  std::vector<Label> view;
  labels.view(view);
  return intern(view);
}

void SeriesTable::release(SeriesId id) {
  if (--record(id).references > 0) return;
  // Batches of this epoch may hold the id; those of the next one cannot.
  retired_.push_back({static_cast<std::uint32_t>(id), epochs_->now});
  if (!current_.expired()) {
    ++epochs_->now;
    current_.reset();
  }
}

std::shared_ptr<const TableLease> SeriesTable::lease() {
  auto lease = current_.lock();
  if (!lease) {
    lease = std::shared_ptr<const TableLease>(new TableLease(epochs_, epochs_->now));
    current_ = lease;
  }
  return lease;
}

void SeriesTable::reclaim() {
  const std::uint64_t oldest =
      epochs_->live.empty() ? ~std::uint64_t{0} : epochs_->live.begin()->first;
  while (!retired_.empty() && retired_.front().epoch < oldest) {
    const std::uint32_t id = retired_.front().id;
    retired_.pop_front();
    Record& r = records_[id];
    if (r.references > 0 || r.block == kNoBlock) continue;  // revived, or retired twice
    for (auto& weak : listeners_)
      if (auto forget = weak.lock()) (*forget)(SeriesId{id});
    indexes_->series.erase(id);
    for (const std::uint32_t pair : pairs_of(r)) release_pair(pair);
    arena_.give(r.block, r.count * sizeof(std::uint32_t));
    r.block = kNoBlock;
    free_records_.push_back(id);
    --live_;
  }
}

Label SeriesTable::label_of(const Pair& pair) const {
  const std::string_view bytes = bytes_of(pair);
  const char* p = bytes.data() + 1;
  const char* end = bytes.data() + bytes.size();
  std::uint64_t size = 0;
  p = wire::get_varint(p, end, size);
  p = wire::get_varint(p + 1, end, size);
  const std::string_view name(p, size);
  p = wire::get_varint(p + size + 1, end, size);
  return {name, std::string_view(p, size)};
}

void SeriesTable::labels(SeriesId id, std::vector<Label>& out) const {
  out.clear();
  for (const std::uint32_t pair : pairs(id)) out.push_back(label_of(pairs_[pair]));
}

std::string_view SeriesTable::value_of(SeriesId id, std::string_view name) const {
  for (const std::uint32_t pair : pairs(id)) {
    const Label label = label_of(pairs_[pair]);
    if (label.name == name) return label.value;
  }
  return {};
}

std::string SeriesTable::to_text(SeriesId id) const {
  std::vector<Label> all;
  labels(id, all);
  std::string name, rest;
  for (const Label& label : all) {
    if (label.name == kNameLabel) {
      name = std::string(label.value);
      continue;
    }
    rest.append(rest.empty() ? "{" : ",").append(label.name).append("=\"");
    for (const char c : label.value) {
      if (c == '"' || c == '\\') rest += '\\';
      if (c == '\n')
        rest += "\\n";
      else
        rest += c;
    }
    rest += '"';
  }
  if (!rest.empty()) rest += '}';
  return name + rest;
}

char* SeriesTable::append_encoded(SeriesId id, char* out) const {
  // Nearly all pairs are short, and a copy of known size is a few instructions.
  for (const std::uint32_t i : pairs(id)) {
    const std::string_view bytes = bytes_of(pairs_[i]);
    std::memcpy(out, bytes.data(), kSlack);
    if (bytes.size() > kSlack)
      std::memcpy(out + kSlack, bytes.data() + kSlack, bytes.size() - kSlack);
    out += bytes.size();
  }
  return out;
}

std::shared_ptr<void> SeriesTable::on_reuse(std::function<void(SeriesId)> forget) {
  std::erase_if(listeners_, [](const auto& weak) { return weak.expired(); });
  auto listener = std::make_shared<std::function<void(SeriesId)>>(std::move(forget));
  listeners_.push_back(listener);
  return listener;
}

std::size_t SeriesTable::memory_bytes() const {
  return arena_.bytes() + pairs_.size() * sizeof(Pair) + records_.size() * sizeof(Record) +
         indexes_->pairs.bucket_count() * 5 + indexes_->series.bucket_count() * 5 +
         (free_pairs_.capacity() + free_records_.capacity()) * sizeof(std::uint32_t);
}

}  // namespace collector::model
