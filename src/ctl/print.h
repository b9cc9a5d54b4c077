#pragma once

#include <optional>
#include <string>

#include "meta.pb.h"

namespace metasrv::ctl {

// The texts that scripts parse, byte for byte (metactl.md §4), each with its last line end.

[[nodiscard]] std::string StatusText(const meta::ClusterStatus& status);     // §4.1
[[nodiscard]] std::string UpsertText(const meta::TxnPutResponse& reply);     // §4.2
[[nodiscard]] std::string GetText(const std::optional<meta::SeqV>& record);  // §4.3
[[nodiscard]] std::string WatchText(const meta::WatchResponse& event);       // §4.4

// "None", or the record without its data: "Some(SeqV { .. })" (§4.2, §4.13). No line end.
[[nodiscard]] std::string RecordText(const std::optional<meta::SeqV>& record);

}  // namespace metasrv::ctl
