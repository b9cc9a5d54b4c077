#pragma once

#include <rapidcheck.h>

#include <iosfwd>
#include <string>

#include "log.pb.h"
#include "meta.pb.h"

namespace metasrv::pb {
// Lets a failing property print the command.
void showValue(const Command& command, std::ostream& os);
}  // namespace metasrv::pb

namespace metasrv::testing {

// Random requests over a few keys that share prefixes, so that they meet: upserts, transactions with nested predicates
// and every operation, cluster commands; with expiries around the entry's time and a clock that also steps backwards or
// is missing.
[[nodiscard]] rc::Gen<std::string> AnyKey();
[[nodiscard]] rc::Gen<std::string> AnyPrefix();
[[nodiscard]] rc::Gen<std::uint64_t> AnyTime();
[[nodiscard]] rc::Gen<pb::Command> AnyCommand();
[[nodiscard]] rc::Gen<meta::KvTransactionRequest> AnyKvTransaction();

}  // namespace metasrv::testing
