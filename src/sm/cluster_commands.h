#pragma once

#include "log.pb.h"
#include "meta.pb.h"
#include "sm/overlay.h"

namespace metasrv::sm {

// The commands that change the node table and the feature set (kv-semantics.md §9). They leave records and seq alone.
void RunAddNode(Overlay& state, const meta::CmdAddNode& command, pb::NodeReply& reply);
void RunRemoveNode(Overlay& state, const meta::CmdRemoveNode& command, pb::NodeReply& reply);
void RunSetFeature(Overlay& state, const meta::CmdSetFeature& command);

}  // namespace metasrv::sm
