# cmake -C tests/presets/release.cmake -S . -B build/release
set(CMAKE_BUILD_TYPE Release CACHE STRING "")
# As where a package is made: what is installed must find itself there, too.
set(CMAKE_INSTALL_LIBDIR "lib/x86_64-linux-gnu" CACHE STRING "")
