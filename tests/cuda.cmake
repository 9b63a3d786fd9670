# The stand-in for the CUDA runtime, and what is tested on it: the CUDA backend as it is, compiled as C++.
enable_language(CXX)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)

add_library(allometer_cuda_standin STATIC cuda_standin/errors.cpp cuda_standin/fibers.cpp cuda_standin/pages.cpp
                                          cuda_standin/runtime.cpp)
target_include_directories(allometer_cuda_standin BEFORE PUBLIC cuda_standin)
target_include_directories(allometer_cuda_standin PUBLIC ${PROJECT_SOURCE_DIR}/kernels ${RANDOM123_INCLUDE})
target_compile_definitions(allometer_cuda_standin PUBLIC ALLOMETER_CUDA_STANDIN)
# As memory does, a thread's own variables begin with what would not pass for a result.
target_compile_options(allometer_cuda_standin PUBLIC
                       $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Werror;-Wshadow;-ftrivial-auto-var-init=pattern>)
if(ALLOMETER_SANITIZE MATCHES "thread")
  # What switches threads must not itself be taken for a thread's work.
  target_compile_definitions(allometer_cuda_standin PUBLIC STANDIN_TSAN)
  set_source_files_properties(cuda_standin/fibers.cpp PROPERTIES COMPILE_OPTIONS -fno-sanitize=thread)
endif()

# The backend on the stand-in, to be linked into a test, and as a module in a folder of its own: a program that finds
# that folder in ALLOMETER_MODULE_FOLDER trains on it.
file(GLOB ALLOMETER_CUDA_KERNEL_SOURCES ${PROJECT_SOURCE_DIR}/kernels/cuda_train*.cu)
list(APPEND ALLOMETER_CUDA_KERNEL_SOURCES ${PROJECT_SOURCE_DIR}/kernels/cuda_deep.cu ${PROJECT_SOURCE_DIR}/kernels/cuda_fit.cu)
set(cuda_sources ${ALLOMETER_CUDA_SOURCES} ${ALLOMETER_CUDA_KERNEL_SOURCES})
set_source_files_properties(${cuda_sources} PROPERTIES LANGUAGE CXX)
if(ALLOMETER_SANITIZE MATCHES undefined)
  # As for the lanes: these checks of every access take longer to compile than all else, and the address sanitizer finds
  # what they find. That of alignment stays: devices, unlike hosts, stop at an address that is not aligned.
  set_source_files_properties(${ALLOMETER_CUDA_KERNEL_SOURCES} PROPERTIES
                              COMPILE_OPTIONS -fno-sanitize=null,pointer-overflow,object-size)
endif()
add_library(allometer_cuda_backend OBJECT ${ALLOMETER_CUDA_SOURCES} ${PROJECT_SOURCE_DIR}/kernels/cuda_fit.cu)
target_link_libraries(allometer_cuda_backend PUBLIC allometer_cuda_standin)
set(cuda_objects $<TARGET_OBJECTS:allometer_cuda_backend>)
foreach(activation ${ALLOMETER_ACTIVATIONS})
  add_library(allometer_cuda_backend_${activation} OBJECT ${PROJECT_SOURCE_DIR}/kernels/cuda_train.cu)
  target_compile_definitions(allometer_cuda_backend_${activation} PRIVATE ACTIVATION=${activation})
  target_link_libraries(allometer_cuda_backend_${activation} PRIVATE allometer_cuda_standin)
  list(APPEND cuda_objects $<TARGET_OBJECTS:allometer_cuda_backend_${activation}>)
endforeach()

add_library(allometer_cuda_standin_module MODULE ${cuda_objects} ${ALLOMETER_CUDA_HOST_SOURCES})
set_target_properties(allometer_cuda_standin_module PROPERTIES PREFIX "" OUTPUT_NAME allometer_cuda
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/cuda_standin_module LINKER_LANGUAGE CXX)
target_link_libraries(allometer_cuda_standin_module PRIVATE allometer_cuda_standin)

# One that an earlier installation left behind.
add_library(allometer_stale_module MODULE stale_module.c)
set_target_properties(allometer_stale_module PROPERTIES PREFIX "" OUTPUT_NAME allometer_cuda
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/stale_module)
target_include_directories(allometer_stale_module PRIVATE ${PROJECT_SOURCE_DIR}/kernels)
if(TARGET allometer_command)
  add_test(NAME stale_module COMMAND allometer_command info)
  set_tests_properties(stale_module PROPERTIES PASS_REGULAR_EXPRESSION "cuda +none: .*a module of another allometer"
                       ENVIRONMENT "ALLOMETER_MODULE_FOLDER=${CMAKE_CURRENT_BINARY_DIR}/stale_module")
endif()

add_executable(cuda_standin test_cuda_standin.cpp)
target_link_libraries(cuda_standin PRIVATE allometer_cuda_standin PkgConfig::CMOCKA)
add_test(NAME cuda_standin COMMAND cuda_standin)

add_executable(cuda_product test_cuda_product.cpp)
target_link_libraries(cuda_product PRIVATE allometer_cuda_standin PkgConfig::CMOCKA)
add_test(NAME cuda_product COMMAND cuda_product)

add_executable(cuda_backend test_cuda_backend.cpp ${cuda_objects})
target_link_libraries(cuda_backend PRIVATE allometer_cuda_standin allometer_test_support)
set_target_properties(cuda_backend PROPERTIES LINKER_LANGUAGE CXX)
add_test(NAME cuda_backend COMMAND cuda_backend even)
add_test(NAME cuda_backend_odd COMMAND cuda_backend odd)
add_executable(cuda_failures test_cuda_failures.cpp ${cuda_objects})
target_link_libraries(cuda_failures PRIVATE allometer_cuda_standin allometer_test_support)
set_target_properties(cuda_failures PROPERTIES LINKER_LANGUAGE CXX)
add_test(NAME cuda_failures COMMAND cuda_failures)
set_tests_properties(cuda_standin cuda_backend cuda_backend_odd cuda_failures PROPERTIES TIMEOUT 900)
set_tests_properties(cuda_backend PROPERTIES COST 50)

# The tests of training, on the stand-in (where to skip is to fail) and on a GPU (skipped, with the reason, where there
# is none).
function(allometer_test_on_standin name program)
  add_test(NAME cuda_${name} COMMAND ${program})
  set_tests_properties(cuda_${name} PROPERTIES TIMEOUT 900 COST 30 ENVIRONMENT
    "ALLOMETER_TEST_BACKEND=cuda;ALLOMETER_MODULE_FOLDER=${CMAKE_CURRENT_BINARY_DIR}/cuda_standin_module;${ARGN}")
endfunction()
if(NOT ALLOMETER_SANITIZE MATCHES "thread") # there, drop_barriers and cuda_backend run every line of the kernels
  allometer_test_on_standin(train test_train)
  allometer_test_on_standin(invariance test_invariance)
  allometer_test_on_standin(data test_data)
  allometer_test_on_standin(prune test_prune)
  allometer_test_on_standin(solve test_solve)
  allometer_test_on_standin(solve_laws test_solve_laws)
  allometer_test_on_standin(solve_reverse test_solve ALLOMETER_STANDIN_REVERSE=1)
  allometer_test_on_standin(solve_single test_solve ALLOMETER_STANDIN_DEVICES=1)
  # Of training, cuda_backend shows as much in other builds: all cases in either order, in either memory, on one device and
  # on two. Of fits, every thread works alone: order and devices decide nothing but places, which release checks.
  set_tests_properties(cuda_train cuda_invariance cuda_prune cuda_solve_reverse cuda_solve_single
                       PROPERTIES LABELS once)
endif()
add_dependencies(test_solve allometer_cuda_standin_module)
add_dependencies(test_solve_laws allometer_cuda_standin_module)
add_dependencies(test_train allometer_cuda_standin_module)
add_dependencies(test_invariance allometer_cuda_standin_module)
add_dependencies(test_data allometer_cuda_standin_module)
add_dependencies(test_prune allometer_cuda_standin_module)
set(gpu_tests train invariance data prune solve solve_laws)
string(REPLACE ";" "\n" gpu_test_lines "${gpu_tests}\n")
file(WRITE ${PROJECT_BINARY_DIR}/gpu_tests "${gpu_test_lines}") # bench/gpu runs them where there is no CMake
set_tests_properties(cuda_module PROPERTIES LABELS once) # presets other than release build no module
foreach(name ${gpu_tests})
  add_test(NAME gpu_${name} COMMAND test_${name})
  set_tests_properties(gpu_${name} PROPERTIES LABELS "gpu;once" SKIP_RETURN_CODE 77 TIMEOUT 600 RESOURCE_LOCK gpu ENVIRONMENT
    "ALLOMETER_TEST_BACKEND=cuda;ALLOMETER_MODULE_FOLDER=${PROJECT_BINARY_DIR}")
endforeach()

# Every barrier is needed, and seen where it is missing.
if(ALLOMETER_SANITIZE MATCHES "thread")
  add_test(NAME drop_barriers COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/drop_barriers $<TARGET_FILE:cuda_backend>)
  set_tests_properties(drop_barriers PROPERTIES COST 20)
endif()

if(ALLOMETER_CUDA_BUILT)
  add_executable(curand_words curand_words.cu)
  target_link_libraries(curand_words PRIVATE allometer_cuda_settings)
  add_test(NAME curand_words COMMAND curand_words)
  add_test(NAME cuda_budget COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_cuda_budget ${ALLOMETER_CUDA_REPORTS}
                                    "${ALLOMETER_CUDA_DEVICES}" "${ALLOMETER_ACTIVATIONS}")
endif()

# The scripts that measure on a GPU, on the stand-in; and the one that counts instructions.
if(NOT ALLOMETER_SANITIZE)
  add_test(NAME gpu_bench COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_gpu_bench ${PROJECT_BINARY_DIR}
                                  $<TARGET_FILE:allometer_cuda_standin_module>)
  set_tests_properties(gpu_bench PROPERTIES TIMEOUT 300 LABELS once)
  add_test(NAME cuda_paper COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_cuda_paper)
  set_tests_properties(cuda_paper PROPERTIES LABELS once)
endif()
