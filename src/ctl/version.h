#pragma once

namespace metasrv::ctl {

// What --version prints after the program's name.
inline constexpr const char* kVersionText = "v1.2.934-cpp";

}  // namespace metasrv::ctl
