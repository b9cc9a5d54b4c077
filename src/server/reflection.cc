#include "server/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>
#include <utility>

#include "reflection.grpc.pb.h"
#include "server/grpc_calls.h"

namespace metasrv::server {
namespace {

namespace v1 = grpc::reflection::v1;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;

void SetError(v1::ServerReflectionResponse& response, grpc::StatusCode code, const std::string& text) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(text);
}

// The file and everything it imports, each once.
void AddFile(const FileDescriptor& file, std::set<const FileDescriptor*>& seen, v1::FileDescriptorResponse& files) {
  if (!seen.insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  files.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), seen, files);
}

void SetFile(v1::ServerReflectionResponse& response, const FileDescriptor* file, const std::string& asked_for) {
  if (file == nullptr) return SetError(response, grpc::StatusCode::NOT_FOUND, "not found: " + asked_for);
  std::set<const FileDescriptor*> seen;
  AddFile(*file, seen, *response.mutable_file_descriptor_response());
}

// No message of these services can be extended.
void SetExtensions(v1::ServerReflectionResponse& response, const std::string& type) {
  if (DescriptorPool::generated_pool()->FindMessageTypeByName(type) == nullptr) {
    return SetError(response, grpc::StatusCode::NOT_FOUND, "not found: " + type);
  }
  response.mutable_all_extension_numbers_response()->set_base_type_name(type);
}

v1::ServerReflectionResponse Answer(const v1::ServerReflectionRequest& request,
                                    const std::vector<std::string>& services) {
  using Request = v1::ServerReflectionRequest;
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  v1::ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kListServices:
      for (const std::string& name : services) response.mutable_list_services_response()->add_service()->set_name(name);
      break;
    case Request::kFileByFilename:
      SetFile(response, pool.FindFileByName(request.file_by_filename()), request.file_by_filename());
      break;
    case Request::kFileContainingSymbol:
      SetFile(response, pool.FindFileContainingSymbol(request.file_containing_symbol()),
              request.file_containing_symbol());
      break;
    case Request::kFileContainingExtension:
      SetError(response, grpc::StatusCode::NOT_FOUND,
               "no extension of " + request.file_containing_extension().containing_type());
      break;
    case Request::kAllExtensionNumbersOfType: SetExtensions(response, request.all_extension_numbers_of_type()); break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      SetError(response, grpc::StatusCode::INVALID_ARGUMENT, "the request asks for nothing that is known");
      break;
  }
  return response;
}

// One answer per question, in order.
class ReflectionCall final : public grpc::ServerBidiReactor<v1::ServerReflectionRequest, v1::ServerReflectionResponse> {
 public:
  ReflectionCall(const std::expected<void, CallError>& allowed, const std::vector<std::string>& services)
      : services_(services) {
    if (allowed) {
      StartRead(&request_);
    } else {
      Finish(ToStatus(allowed.error()));
    }
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    response_ = Answer(request_, services_);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client has gone"));
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

  const std::vector<std::string>& services_;
  v1::ServerReflectionRequest request_;
  v1::ServerReflectionResponse response_;
};

class ReflectionService final : public v1::ServerReflection::CallbackService {
 public:
  ReflectionService(const ServiceContext& context, std::vector<std::string> services)
      : context_(context), services_(std::move(services)) {}

  grpc::ServerBidiReactor<v1::ServerReflectionRequest, v1::ServerReflectionResponse>* ServerReflectionInfo(
      grpc::CallbackServerContext* call) override {
    return new ReflectionCall(context_.sessions.CheckToken(HeaderOf(*call, kTokenHeader), TokenRule::kWithLogin),
                              services_);
  }

 private:
  ServiceContext context_;
  std::vector<std::string> services_;
};

}  // namespace

struct Reflection::Impl {
  Impl(const ServiceContext& context, std::vector<std::string> services) : service(context, std::move(services)) {}
  ReflectionService service;
};

Reflection::Reflection(const ServiceContext& context, std::vector<std::string> services) {
  services.emplace_back(v1::ServerReflection::service_full_name());
  impl_ = std::make_unique<Impl>(context, std::move(services));
}
Reflection::~Reflection() = default;

void Reflection::Register(grpc::ServerBuilder& builder) { builder.RegisterService(&impl_->service); }

}  // namespace metasrv::server
