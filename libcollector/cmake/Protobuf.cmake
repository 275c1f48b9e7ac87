# Codecs from .proto files: ours by protoc-gen-collector, which is built here and installed nowhere.
file(GLOB codegen_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/codegen/*.cpp)
add_executable(protoc_gen_collector ${codegen_sources})
set_target_properties(protoc_gen_collector PROPERTIES OUTPUT_NAME protoc-gen-collector)
target_compile_options(protoc_gen_collector PRIVATE -Wall -Wextra -Werror)
target_link_libraries(protoc_gen_collector PRIVATE protobuf::libprotoc protobuf::libprotobuf)

# generate_codecs(VARIABLE FOLDER FILE...): FOLDER/<name>.hpp and .cpp of each; VARIABLE lists them.
# The files lie in one folder and may import each other.
function(generate_codecs variable folder)
  set(written)
  file(MAKE_DIRECTORY ${folder})
  foreach(schema IN LISTS ARGN)
    get_filename_component(name ${schema} NAME_WE)
    get_filename_component(place ${schema} DIRECTORY)
    add_custom_command(OUTPUT ${folder}/${name}.hpp ${folder}/${name}.cpp
      COMMAND protobuf::protoc --plugin=protoc-gen-collector=$<TARGET_FILE:protoc_gen_collector>
              --collector_out=${folder} -I ${place} ${schema}
      DEPENDS ${ARGN} protoc_gen_collector VERBATIM)
    list(APPEND written ${folder}/${name}.hpp ${folder}/${name}.cpp)
  endforeach()
  set(${variable} ${written} PARENT_SCOPE)
endfunction()
