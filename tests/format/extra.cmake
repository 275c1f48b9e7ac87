add_executable(oracle_prometheus_ours oracle/prometheus/ours.cpp)
target_link_libraries(oracle_prometheus_ours PRIVATE collector_format)
find_package(Python3 COMPONENTS Interpreter REQUIRED)
add_test(NAME oracle_prometheus COMMAND ${Python3_EXECUTABLE}
  ${CMAKE_CURRENT_SOURCE_DIR}/oracle/prometheus/compare.py $<TARGET_FILE:oracle_prometheus_ours>)
set_tests_properties(oracle_prometheus PROPERTIES LABELS oracle SKIP_RETURN_CODE 77 TIMEOUT 300
  ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
target_link_libraries(test_format PRIVATE protobuf_oracle)
add_executable(oracle_exposition_ours oracle/exposition/ours.cpp)
target_link_libraries(oracle_exposition_ours PRIVATE collector_format)
add_test(NAME oracle_exposition COMMAND ${Python3_EXECUTABLE}
  ${CMAKE_CURRENT_SOURCE_DIR}/oracle/exposition/compare.py $<TARGET_FILE:oracle_exposition_ours>)
set_tests_properties(oracle_exposition PROPERTIES LABELS oracle SKIP_RETURN_CODE 77 TIMEOUT 300
  ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
