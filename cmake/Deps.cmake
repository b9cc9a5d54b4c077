# The only place that names third-party packages; layers link the targets listed in Layers.cmake calls.
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(simdjson CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(rapidcheck CONFIG REQUIRED)
find_package(benchmark CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)

# Debian's cpp-httplib has no CMake package.
pkg_check_modules(cpp_httplib REQUIRED IMPORTED_TARGET cpp-httplib)
add_library(httplib::httplib ALIAS PkgConfig::cpp_httplib)

# Lua as compiled for C++: its errors are exceptions, so that destructors run.
pkg_check_modules(lua REQUIRED IMPORTED_TARGET lua5.4-c++)
add_library(lua::lua ALIAS PkgConfig::lua)

# Packed backups. RocksDB's package brings zstd's target along.
find_package(ZLIB REQUIRED)
if(NOT TARGET zstd::zstd)
  pkg_check_modules(libzstd REQUIRED IMPORTED_TARGET libzstd)
  add_library(zstd::zstd ALIAS PkgConfig::libzstd)
endif()

# The allocator of the server and of the load generator; sanitizers bring their own.
pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)
add_library(metasrv_malloc INTERFACE)
if(NOT METASRV_SANITIZE)
  target_link_libraries(metasrv_malloc INTERFACE PkgConfig::jemalloc)
endif()
