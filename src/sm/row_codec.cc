#include "sm/row_codec.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>

namespace metasrv::sm {
namespace {

// A client message nests at most 100 levels; pb::Predicate doubles the levels of a predicate, and there are a few
// around it.
constexpr int kCommandLevelsMax = 1000;

}  // namespace

meta::LogId ToProto(const LogId& id) {
  meta::LogId message;
  message.set_term(id.term.value());
  message.set_node_id(id.leader.value());
  message.set_index(id.index.value());
  return message;
}

LogId FromProto(const meta::LogId& id) { return {Term(id.term()), NodeId(id.node_id()), LogIndex(id.index())}; }

bool ParseCommand(std::string_view bytes, google::protobuf::MessageLite& message) {
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(kCommandLevelsMax);
  return message.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

}  // namespace metasrv::sm
