#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace metasrv::server {

// The text form of operations.md §4.1, with its final "# EOF". Counter families are named without "_total".
[[nodiscard]] std::string ToOpenMetrics(const std::vector<prometheus::MetricFamily>& families);

}  // namespace metasrv::server
