// Linked into every target: protobuf reports each text that is not UTF-8 on stderr, which is most of what it gets here.
#include <google/protobuf/stubs/logging.h>

namespace {

[[maybe_unused]] google::protobuf::LogHandler* const kLoud = google::protobuf::SetLogHandler(nullptr);

}  // namespace
