// What of a log was acknowledged, on disk: two slots of 4 KiB that are written in turn, so that one
// of them is whole whatever happens. It is written late and never synced: an old one costs requests
// that are sent twice, no cursor at all costs no data. One thread.
#pragma once

#include <collector/engine/seams.hpp>

#include "outbox/sequence_set.hpp"

namespace collector::outbox {

class Cursor {
 public:
  /// Reads what is there; a file that is damaged in both slots is as one that is absent.
  static Result<Cursor> open(Files& files, const std::string& path);

  /// The same without opening it to write; not_found when there is none.
  static Result<SequenceSet> read(Files& files, const std::string& path);

  /// Ranges beyond what fits a slot are left out, the newest first.
  Status write(const SequenceSet& acknowledged);
  const SequenceSet& acknowledged() const { return at_open_; }

 private:
  Cursor(std::unique_ptr<File> file, SequenceSet set, std::uint64_t turn)
      : file_(std::move(file)), at_open_(std::move(set)), turn_(turn) {}

  std::unique_ptr<File> file_;
  SequenceSet at_open_;
  std::uint64_t turn_ = 0;
};

}  // namespace collector::outbox
