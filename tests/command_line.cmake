# The program as its user meets it: exit codes, messages, signals, files.
if(TARGET allometer_command)
  add_test(NAME command_line COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/command_line.sh $<TARGET_FILE:allometer_command>)
  set_tests_properties(command_line PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 COST 20)
endif()
