"""Who may use what: the one table behind the include test and the symbol test (docs/ARCHITECTURE.md draws it)."""

import re

# Names of third-party families and what their headers look like on disk.
THIRD_PARTY = {
    "protobuf": r"/google/protobuf/",
    "grpc": r"/(grpc|grpcpp|grpc\+\+)/",
    "absl": r"/absl/",
    "rocksdb": r"/rocksdb/",
    "spdlog": r"/spdlog/|/fmt/",
    "toml": r"/toml\+\+/|/toml\.hpp$",
    "simdjson": r"/simdjson\.h$|/simdjson/",
    "nlohmann": r"/nlohmann/",
    "cli11": r"/CLI/",
    "httplib": r"/httplib\.h$",
    "prometheus": r"/prometheus/",
    "lua": r"/lua5\.4/",
    "openssl": r"/openssl/",
    "zstd": r"/zstd(_errors)?\.h$",
    "zlib": r"/(zlib|zconf)\.h$",
    "gtest": r"/gtest/|/gmock/",
    "rapidcheck": r"/rapidcheck",
}

VALUES_OF_CONSENSUS = r"src/consensus/(types|message|membership|identity)\.h"
MESSAGES = r"src/proto/\w+\.pb\.h"
SERVICES = r"src/proto/(\w+\.grpc\.pb|request_traits)\.h"

# layer -> (own headers it may see, third-party families it may see). A layer always sees its own directory.
LAYERS = {
    "common": ([r"src/common/"], set()),
    "consensus": ([r"src/common/", r"src/consensus/"], set()),
    "io": ([r"src/common/", r"src/io/\w+\.h", VALUES_OF_CONSENSUS], set()),
    "sm": ([r"src/common/", r"src/sm/", MESSAGES], {"protobuf"}),
    "node": ([r"src/common/", r"src/consensus/", r"src/sm/", r"src/io/\w+\.h", r"src/node/", MESSAGES], {"protobuf"}),
    "backup": ([r"src/common/", r"src/sm/", r"src/io/\w+\.h", VALUES_OF_CONSENSUS, r"src/backup/", MESSAGES],
               {"protobuf", "simdjson", "nlohmann"}),
    "io_sim": ([r"src/common/", r"src/sm/\w+\.h", r"src/io/\w+\.h", r"src/io/sim/", VALUES_OF_CONSENSUS, MESSAGES],
               {"protobuf"}),
    "io_real": ([r"src/common/", r"src/sm/\w+\.h", r"src/io/\w+\.h", r"src/io/real/", VALUES_OF_CONSENSUS, MESSAGES,
                 SERVICES], {"protobuf", "grpc", "absl", "rocksdb", "openssl"}),
    "server": ([r"src/common/", r"src/consensus/", r"src/sm/", r"src/io/\w+\.h", r"src/node/", r"src/backup/",
                r"src/server/", MESSAGES, SERVICES],
               {"protobuf", "grpc", "absl", "spdlog", "toml", "cli11", "httplib", "prometheus", "openssl", "simdjson",
                "nlohmann", "zlib"}),
    "ctl": ([r"src/common/", r"src/sm/", r"src/io/\w+\.h", VALUES_OF_CONSENSUS, r"src/backup/", r"src/ctl/", MESSAGES,
             SERVICES], {"protobuf", "grpc", "absl", "cli11", "httplib", "lua", "openssl", "simdjson", "nlohmann", "zstd",
                         "zlib"}),
    "bench": ([r"src/common/", r"src/backup/", r"src/bench/", r"src/sm/", r"src/io/\w+\.h", VALUES_OF_CONSENSUS, MESSAGES, SERVICES],
              {"protobuf", "grpc", "absl", "cli11", "nlohmann"}),
    "simulation": ([r"src/common/", r"src/consensus/", r"src/sm/", r"src/io/\w+\.h", r"src/io/sim/", r"src/node/",
                    r"src/backup/", r"sim/", MESSAGES], {"protobuf"}),
}

# Layers that run the same in both worlds, or are the virtual one: time, randomness, threads and the outside are arguments.
PURE = ["common", "consensus", "sm", "node", "io_sim", "simulation"]

# Standard and system headers that a pure layer's own files must not name.
IMPURE_HEADERS = re.compile(
    r"#include <(thread|mutex|shared_mutex|condition_variable|future|stop_token|semaphore|latch|barrier|random|chrono|ctime"
    r"|time\.h|fstream|filesystem|locale|unistd\.h|fcntl\.h|pthread\.h|poll\.h|netdb\.h|netinet/.*|arpa/.*|sys/.*)>")

# What a pure layer's object code must not ask of the outside: regular expressions on demangled undefined symbols.
IMPURE_SYMBOLS = [
    ("clock", r"^std::chrono::_V2::(system|steady)_clock::now|^std::chrono::_V2::high_resolution"
              r"|^(clock_gettime|gettimeofday|time|ftime|clock|timespec_get|localtime(_r)?|gmtime(_r)?|mktime)$"),
    ("sleep", r"^(sleep|usleep|nanosleep|clock_nanosleep)$|^std::this_thread::"),
    ("random device", r"^std::random_device::|^(rand|srand|random|srandom|drand48|rand_r|getrandom|getentropy|arc4random)$"),
    ("thread", r"^std::thread::|^std::jthread|^(pthread_create|thrd_create|fork|vfork|clone|posix_spawnp?|system|popen)$"
               r"|^std::condition_variable::|^pthread_(mutex|cond|rwlock)_"),
    ("socket", r"^(socket|connect|bind|listen|accept4?|send|sendto|sendmsg|recv|recvfrom|recvmsg|getaddrinfo|poll|epoll_\w+"
               r"|select|gethostname)$"),
    ("file", r"^(open|open64|openat|creat|fopen|fopen64|freopen|unlink|rename|mkdir|rmdir|opendir|read|write|pread|pwrite"
             r"|fsync|fdatasync|stat|tmpfile|mkstemp)$|^std::filesystem::|^std::basic_(filebuf|[io]?fstream)<"
             r"|^std::(__cxx11::)?basic_(filebuf|[io]?fstream)"),
    ("environment", r"^(getenv|secure_getenv|setenv|putenv)$"),
    ("locale", r"^(setlocale|localeconv)$|^std::locale::global"),
]
