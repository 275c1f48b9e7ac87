// How a destination keeps what is not delivered yet: the block `outbox`, at the root for all and in
// a sender for itself. Values only.
#pragma once

#include <collector/engine/arguments.hpp>

#include "pipeline/byte_size.hpp"

#include <optional>
#include <string>

namespace collector::pipeline {

struct OutboxArguments {
  std::optional<std::string> level, path;
  std::optional<ByteSize> size;
  std::optional<std::string> full;
  std::optional<bool> out_of_order;
  std::optional<std::string> on_auth_error;

  Status validate() const;
  /// What is not set here is as in `base`.
  OutboxArguments over(const OutboxArguments& base) const;

  static constexpr auto fields() {
    using T = OutboxArguments;
    return std::tuple{
        attr<&T::level>("level",
                        "When data counts as delivered to its source: \"queued\" (it is in "
                        "memory), \"stored\" (it survives the end of the process), \"synced\" (it "
                        "survives a loss of power) or \"delivered\" (the endpoint confirmed it; "
                        "kept as stored until then).")
            .default_is("synced; queued where there is no storage path"),
        attr<&T::path>("path", "Folder for the data of all outboxes.")
            .default_is("`outbox` in the storage path"),
        attr<&T::size>("size", "Most bytes on disk of one destination, such as \"1GiB\".")
            .default_is("a tenth of the file system, at most 4GiB"),
        attr<&T::full>("full",
                       "What happens when the size is reached: \"block\" refuses what comes, "
                       "\"drop_oldest\" gives up the oldest data.")
            .default_is("block"),
        attr<&T::out_of_order>("out_of_order",
                               "Send the newest data beside a backlog instead of behind it.")
            .default_is("false"),
        attr<&T::on_auth_error>("on_auth_error",
                                "When the endpoint refuses the credentials: \"park\" waits until "
                                "they are taken, \"drop\" gives the request up.")
            .default_is("park")};
  }
};

}  // namespace collector::pipeline
