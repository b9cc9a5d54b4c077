# Warnings are errors in our own code; generated code is exempt.
add_library(metasrv_warnings INTERFACE)
target_compile_options(metasrv_warnings INTERFACE -Wall -Wextra -Werror -Wnon-virtual-dtor -Wshadow=compatible-local)
