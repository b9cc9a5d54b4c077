#pragma once

#include <pthread.h>

namespace metasrv::io {

// Names the calling thread for top, gdb and perf. Requires: at most 15 characters.
inline void NameThisThread(const char* name) { pthread_setname_np(pthread_self(), name); }

}  // namespace metasrv::io
