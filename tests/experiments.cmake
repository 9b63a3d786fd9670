# Every experiment from its sweep to its pictures, in a setting of seconds, so that the scripts cannot rot.
foreach(experiment single parallel width)
  add_test(NAME experiment_${experiment}
           COMMAND ${PROJECT_SOURCE_DIR}/tests/check_experiment ${experiment} $<TARGET_FILE:allometer_command>
                   ${PROJECT_BINARY_DIR}/tests/experiments/${experiment})
  set_tests_properties(experiment_${experiment} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
endforeach()
