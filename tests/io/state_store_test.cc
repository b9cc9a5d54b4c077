#include "tests/io/state_staging_contract.h"
#include "tests/io/state_store_contract.h"

namespace metasrv::test {

INSTANTIATE_TEST_SUITE_P(RocksDb, StateStoreContract, testing::Values(&MakeRocksStateWorld));
INSTANTIATE_TEST_SUITE_P(Simulated, StateStoreContract, testing::Values(&MakeSimStateWorld));

}  // namespace metasrv::test
