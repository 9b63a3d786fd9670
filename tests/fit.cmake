# Fits from the command line.
if(TARGET allometer_command)
  add_test(NAME fit_command COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fit.sh $<TARGET_FILE:allometer_command>)
  add_test(NAME fit_edges COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fit_edges.sh $<TARGET_FILE:allometer_command>)
  set_tests_properties(fit_command fit_edges PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
endif()
