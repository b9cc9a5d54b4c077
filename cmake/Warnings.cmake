# Warnings are errors in our own code; generated code is exempt.
add_library(metasrv_warnings INTERFACE)
target_compile_options(metasrv_warnings INTERFACE -Wall -Wextra -Werror -Wnon-virtual-dtor -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(metasrv_warnings INTERFACE -Wshadow=compatible-local)
else()
  # libstdc++ 12 uses what it deprecates itself; clang reports it at our instantiation.
  target_compile_options(metasrv_warnings INTERFACE -Wno-deprecated-declarations)
endif()
