#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "node/answer.h"
#include "node/client_api.h"
#include "node/pump.h"

namespace metasrv::node {

using ReadDone = Answer<ReadResult>;

// Linearizable reads: each waits for a read index from the leader and until the state contains that many entries. Reads
// that arrive in one turn of the loop share everything. While nobody confirms, the question is asked again until
// leader_wait has passed; a repeated question can only name a later index, so any answer to any of them will do.
class Reads {
 public:
  Reads(Context& context, Pump& pump);

  void Add(ReadDone done);
  void OnReadReady(const ReadReady& ready);
  // Entries may have been applied, leadership may have changed.
  void OnQuiet();
  void Stop();
  // While barred every read fails as if nobody led: the state here is known to be wrong, other nodes' is not.
  void SetBarred(bool barred);

 private:
  struct Batch {
    std::vector<ReadDone> readers;
    std::vector<RequestId> asked;
    Instant since;
    std::optional<LogIndex> end;  // answered: the index to wait for
    Instant ask_at;               // while not answered
    Instant give_up;
  };
  using Batches = std::map<std::uint64_t, Batch>;

  void AskNew();
  void Ask(std::uint64_t key, Batch& batch);
  void Serve(Batches::iterator batch);
  void Fail(Batches::iterator batch, ReadStatus status);
  void Forget(const Batch& batch);
  void Refuse(ReadDone done, ReadStatus status) const;
  void ArmTimer(Instant at);
  void Revisit();

  Context& context_;
  Pump& pump_;
  Timer timer_;
  std::vector<ReadDone> arriving_;
  std::size_t waiting_ = 0;  // readers, those that arrive included
  Batches batches_;
  std::map<RequestId, std::uint64_t> batch_of_;
  std::uint64_t last_batch_ = 0;
  LogIndex served_end_;
  RaftView view_;
  bool stopped_ = false;
  bool barred_ = false;
};

}  // namespace metasrv::node
