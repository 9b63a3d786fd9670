# The reader of CSV files under random input, and fits from the command line.
set(FUZZ_CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/table)
if(HAVE_LIBFUZZER OR (CMAKE_C_COMPILER_ID MATCHES Clang AND NOT ALLOMETER_SANITIZE MATCHES thread))
  include(CheckCSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS "-fsanitize=fuzzer,address")
  check_c_source_compiles("int LLVMFuzzerTestOneInput(const unsigned char *b, unsigned long n);
                           int LLVMFuzzerTestOneInput(const unsigned char *b, unsigned long n) { return b == 0 && n; }"
                          HAVE_LIBFUZZER)
  unset(CMAKE_REQUIRED_FLAGS)
endif()
if(HAVE_LIBFUZZER)
  add_executable(fuzz_table fuzz_table.c ${PROJECT_SOURCE_DIR}/host/table.c ${PROJECT_SOURCE_DIR}/host/table_csv.c
                            ${PROJECT_SOURCE_DIR}/host/text.c ${PROJECT_SOURCE_DIR}/host/file_bytes.c
                            ${PROJECT_SOURCE_DIR}/host/error.c)
  target_compile_options(fuzz_table PRIVATE -fsanitize=fuzzer,address -O1 -g)
  target_link_options(fuzz_table PRIVATE -fsanitize=fuzzer,address)
  target_link_libraries(fuzz_table PRIVATE allometer_settings)
  set(FUZZ_FOUND ${CMAKE_CURRENT_BINARY_DIR}/fuzz_table_corpus)
  file(MAKE_DIRECTORY ${FUZZ_FOUND})
  add_test(NAME fuzz_table COMMAND fuzz_table -max_total_time=10 -max_len=4096 -timeout=10 -verbosity=0
                                   -print_final_stats=1 -artifact_prefix=${FUZZ_FOUND}/ ${FUZZ_FOUND} ${FUZZ_CORPUS})
else()
  add_executable(fuzz_table fuzz_table.c fuzz_driver.c)
  target_link_libraries(fuzz_table PRIVATE allometer)
  add_test(NAME fuzz_table COMMAND fuzz_table 10 ${FUZZ_CORPUS})
endif()
set_tests_properties(fuzz_table PROPERTIES TIMEOUT 300)

if(TARGET allometer_command)
  add_test(NAME fit_command COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fit.sh $<TARGET_FILE:allometer_command>)
  set_tests_properties(fit_command PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
endif()
