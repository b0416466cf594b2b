# cmake -C tests/presets/tsan.cmake -S . -B build/tsan
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(CAIRN_SANITIZE "thread" CACHE STRING "")
