# cmake -C tests/presets/coverage.cmake -S . -B build/coverage, then gcovr or lcov on the build folder
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(CMAKE_C_FLAGS "--coverage" CACHE STRING "")
set(CMAKE_EXE_LINKER_FLAGS "--coverage" CACHE STRING "")
