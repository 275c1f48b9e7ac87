# What the build takes from the system; included at the top so that every folder sees the targets.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(Protobuf REQUIRED)  # protoc and libprotoc for the build, libprotobuf for tests
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
find_package(Snappy REQUIRED)
set(SNAPPY_LIBRARY Snappy::snappy)

# libstdc++ 12 itself calls get_temporary_buffer, which it marks deprecated (std::stable_sort); clang
# says so at our call.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(collector_options INTERFACE -Wno-deprecated-declarations)
endif()
