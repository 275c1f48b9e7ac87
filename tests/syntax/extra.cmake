find_package(Python3 COMPONENTS Interpreter REQUIRED)
add_executable(oracle_syntax_ours oracle/syntax/ours.cpp)
target_link_libraries(oracle_syntax_ours PRIVATE collector_syntax)
add_test(NAME oracle_syntax COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/oracle/syntax/compare.py
  $<TARGET_FILE:oracle_syntax_ours>)
set_tests_properties(oracle_syntax PROPERTIES LABELS oracle SKIP_RETURN_CODE 77 TIMEOUT 300
  ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
