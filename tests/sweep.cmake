# The reader of sweep files under random input for a bounded time: with libFuzzer and the address sanitizer where clang
# has them, else with a driver of our own and whatever sanitizers the build has.
set(FUZZ_SECONDS 20)
set(FUZZ_CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/sweep)

include(CheckCSourceCompiles)
if(CMAKE_C_COMPILER_ID MATCHES Clang AND NOT ALLOMETER_SANITIZE MATCHES thread)
  set(CMAKE_REQUIRED_FLAGS "-fsanitize=fuzzer,address")
  check_c_source_compiles("int LLVMFuzzerTestOneInput(const unsigned char *b, unsigned long n);
                           int LLVMFuzzerTestOneInput(const unsigned char *b, unsigned long n) { return b == 0 && n; }"
                          HAVE_LIBFUZZER)
  unset(CMAKE_REQUIRED_FLAGS)
endif()

if(HAVE_LIBFUZZER)
  # The sources again, so that the fuzzer sees which branches an input takes.
  file(GLOB FUZZED_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/host/sweep*.c)
  foreach(name array data error file_bytes model_check names plan table table_csv text training_flops)
    list(APPEND FUZZED_SOURCES ${PROJECT_SOURCE_DIR}/host/${name}.c)
  endforeach()
  add_executable(fuzz_sweep fuzz_sweep.c ${FUZZED_SOURCES})
  target_compile_options(fuzz_sweep PRIVATE -fsanitize=fuzzer,address -O1 -g)
  target_link_options(fuzz_sweep PRIVATE -fsanitize=fuzzer,address)
  target_link_libraries(fuzz_sweep PRIVATE allometer_settings)
  set(FUZZ_FOUND ${CMAKE_CURRENT_BINARY_DIR}/fuzz_sweep_corpus)
  file(MAKE_DIRECTORY ${FUZZ_FOUND})
  add_test(NAME fuzz_sweep COMMAND fuzz_sweep -max_total_time=${FUZZ_SECONDS} -max_len=4096 -timeout=10 -verbosity=0
                                   -print_final_stats=1 -artifact_prefix=${FUZZ_FOUND}/ ${FUZZ_FOUND} ${FUZZ_CORPUS})
else()
  add_executable(fuzz_sweep fuzz_sweep.c fuzz_driver.c)
  target_link_libraries(fuzz_sweep PRIVATE allometer)
  add_test(NAME fuzz_sweep COMMAND fuzz_sweep ${FUZZ_SECONDS} ${FUZZ_CORPUS})
endif()
set_tests_properties(fuzz_sweep PROPERTIES TIMEOUT 300)
