#pragma once

#include <expected>
#include <memory>
#include <string>

#include "server/tls_files.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace metasrv::server {

// Credentials that follow the files: what is replaced counts for connections made a few seconds later. Without TLS they
// are those of plain text. Errors: what is wrong with which file.
[[nodiscard]] std::expected<std::shared_ptr<grpc::ServerCredentials>, std::string> MakeServerCredentials(
    const TlsFiles& files);

// For calls to servers whose certificates `ca` signed, to which the own one is shown. Requires: the files were checked.
[[nodiscard]] std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const TlsFiles& files);

}  // namespace metasrv::server
