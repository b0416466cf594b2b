# cmake -C tests/presets/asan-ubsan.cmake -S . -B build/asan-ubsan
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(CAIRN_SANITIZE "address,undefined" CACHE STRING "")
