# Readers of users' files under random input for a bounded time: with libFuzzer and the address sanitizer where clang has
# them, else with a driver of our own and whatever sanitizers the build has: half as long with the address sanitizer; without,
# where it would see crashes alone, for a second.
include(CheckCSourceCompiles)
if(CMAKE_C_COMPILER_ID MATCHES Clang AND NOT ALLOMETER_SANITIZE MATCHES thread)
  set(CMAKE_REQUIRED_FLAGS "-fsanitize=fuzzer,address")
  check_c_source_compiles("int LLVMFuzzerTestOneInput(const unsigned char *b, unsigned long n);
                           int LLVMFuzzerTestOneInput(const unsigned char *b, unsigned long n) { return b == 0 && n; }"
                          HAVE_LIBFUZZER)
  unset(CMAKE_REQUIRED_FLAGS)
endif()

# fuzz_NAME.c from corpus/NAME for so many seconds, inputs up to so many bytes. What it fuzzes is compiled again, of host/, so
# that the fuzzer sees which branches an input takes; or nothing, and it is linked with the library.
function(allometer_add_fuzz name seconds bytes)
  set(program fuzz_${name})
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  if(HAVE_LIBFUZZER)
    list(TRANSFORM ARGN REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/host/\\1.c")
    add_executable(${program} ${program}.c ${ARGN})
    target_compile_options(${program} PRIVATE -fsanitize=fuzzer,address -O1 -g)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer,address)
    if(ARGN)
      target_link_libraries(${program} PRIVATE allometer_settings)
    else()
      target_link_libraries(${program} PRIVATE allometer)
    endif()
    set(found ${CMAKE_CURRENT_BINARY_DIR}/${program}_corpus)
    file(MAKE_DIRECTORY ${found})
    add_test(NAME ${program} COMMAND ${program} -max_total_time=${seconds} -max_len=${bytes} -timeout=10 -verbosity=0
                                     -print_final_stats=1 -artifact_prefix=${found}/ ${found} ${corpus})
  else()
    if(ALLOMETER_SANITIZE MATCHES address)
      math(EXPR seconds "${seconds} / 2")
    else()
      set(seconds 1)
    endif()
    add_executable(${program} ${program}.c fuzz_driver.c)
    target_link_libraries(${program} PRIVATE allometer)
    add_test(NAME ${program} COMMAND ${program} ${seconds} ${corpus})
  endif()
  set_tests_properties(${program} PROPERTIES TIMEOUT 300 COST ${seconds})
endfunction()

file(GLOB sweep_sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/host ${PROJECT_SOURCE_DIR}/host/sweep/sweep*.c)
list(TRANSFORM sweep_sources REPLACE "\\.c$" "")
set(table_sources data/table data/table_csv data/file_bytes text error)
allometer_add_fuzz(sweep 20 4096 ${sweep_sources} sweep/model_check sweep/plan data/data data/array ${table_sources} names flops
                   ../kernels/readout)
allometer_add_fuzz(table 10 4096 ${table_sources})
allometer_add_fuzz(array 10 4096 data/array error)
allometer_add_fuzz(formula 10 1024)
