#include "tests/io/transport_contract.h"

namespace metasrv::test {

INSTANTIATE_TEST_SUITE_P(Grpc, TransportContract, testing::Values(&MakeGrpcTransportWorld));
INSTANTIATE_TEST_SUITE_P(GrpcOverTls, TransportContract, testing::Values(&MakeTlsTransportWorld));
INSTANTIATE_TEST_SUITE_P(Simulated, TransportContract, testing::Values(&MakeSimTransportWorld));

}  // namespace metasrv::test
