# METASRV_SANITIZE: what every target of the project is instrumented with, for example "address,undefined".
set(METASRV_SANITIZE "" CACHE STRING "Sanitizers, comma-separated; empty for none")
if(METASRV_SANITIZE)
  add_compile_options(-fsanitize=${METASRV_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${METASRV_SANITIZE})
endif()
