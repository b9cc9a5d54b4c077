// Linked into the static programs only (scripts/link-static).
#include <nss.h>

namespace {
// A static program has the C library's own ways to look a host up, and only those: it would load any other that
// /etc/nsswitch.conf asks for from the machine, together with a C library that is not the one it was linked with.
const int kNothingIsLoaded = __nss_configure_lookup("hosts", "files dns");
}  // namespace
