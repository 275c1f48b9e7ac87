# libprotobuf's own classes, of our schemas and of those for tests, are the oracle. Only tests link it.
set(codecs_of_tests ${PROJECT_BINARY_DIR}/tests/generated)
file(GLOB test_schemas CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/wire/*.proto)
file(GLOB our_schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/libcollector/proto/*.proto)

generate_codecs(test_codecs ${codecs_of_tests}/proto ${test_schemas})
target_sources(test_wire PRIVATE ${test_codecs})
target_include_directories(test_wire PRIVATE ${codecs_of_tests})

set(oracle_sources)
file(MAKE_DIRECTORY ${codecs_of_tests}/oracle)
foreach(schema IN LISTS test_schemas our_schemas)
  get_filename_component(name ${schema} NAME_WE)
  get_filename_component(place ${schema} DIRECTORY)
  set(written ${codecs_of_tests}/oracle/${name}.pb.h ${codecs_of_tests}/oracle/${name}.pb.cc)
  add_custom_command(OUTPUT ${written}
    COMMAND protobuf::protoc --cpp_out=${codecs_of_tests}/oracle -I ${place} ${schema}
    DEPENDS ${test_schemas} ${our_schemas} VERBATIM)
  list(APPEND oracle_sources ${written})
endforeach()
add_library(protobuf_oracle STATIC ${oracle_sources})
target_include_directories(protobuf_oracle SYSTEM PUBLIC ${codecs_of_tests}/oracle)
target_link_libraries(protobuf_oracle PUBLIC protobuf::libprotobuf)
target_link_libraries(test_wire PRIVATE protobuf_oracle)
