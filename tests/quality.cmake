# Checks of the tree and of what is installed, and the environment that every test runs in.
add_test(NAME format COMMAND ${PROJECT_SOURCE_DIR}/tests/check_format)
add_test(NAME tree COMMAND ${PROJECT_SOURCE_DIR}/tests/check_tree ${PROJECT_BINARY_DIR})
add_test(NAME install COMMAND ${PROJECT_SOURCE_DIR}/tests/check_install ${PROJECT_BINARY_DIR} ${CMAKE_C_COMPILER}
                              "${ALLOMETER_SANITIZE}")
set_tests_properties(format tree install PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
