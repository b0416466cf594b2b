# cmake -C tests/presets/fuzz.cmake -S . -B build/fuzz, then build/fuzz/tests/fuzz/fuzz_NAME tests/fuzz/corpus/NAME
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(CMAKE_C_COMPILER clang CACHE STRING "")
set(CMAKE_CXX_COMPILER clang++ CACHE STRING "")
set(CAIRN_SANITIZE "address,undefined,fuzzer-no-link" CACHE STRING "")
set(CAIRN_FUZZ ON CACHE BOOL "")
