#include "tests/io/log_identity_contract.h"
#include "tests/io/log_read_contract.h"
#include "tests/io/log_store_contract.h"

namespace metasrv::test {

INSTANTIATE_TEST_SUITE_P(RocksDb, LogStoreContract, testing::Values(&MakeRocksLogWorld));
INSTANTIATE_TEST_SUITE_P(Simulated, LogStoreContract, testing::Values(&MakeSimLogWorld));

}  // namespace metasrv::test
