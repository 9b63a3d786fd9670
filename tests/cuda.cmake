# The stand-in for the CUDA runtime, and what is tested on it: the CUDA backend as it is, compiled as C++.
enable_language(CXX)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)

add_library(allometer_cuda_standin STATIC cuda_standin/fibers.cpp cuda_standin/runtime.cpp)
target_include_directories(allometer_cuda_standin BEFORE PUBLIC cuda_standin)
target_include_directories(allometer_cuda_standin PUBLIC ${PROJECT_SOURCE_DIR}/kernels ${RANDOM123_INCLUDE})
target_compile_definitions(allometer_cuda_standin PUBLIC ALLOMETER_CUDA_STANDIN)
target_compile_options(allometer_cuda_standin PUBLIC -Wall -Wextra -Werror -Wshadow)
if(ALLOMETER_SANITIZE MATCHES "thread")
  # What switches threads must not itself be taken for a thread's work.
  target_compile_definitions(allometer_cuda_standin PUBLIC STANDIN_TSAN)
  set_source_files_properties(cuda_standin/fibers.cpp PROPERTIES COMPILE_OPTIONS -fno-sanitize=thread)
endif()

add_executable(cuda_standin test_cuda_standin.cpp)
target_link_libraries(cuda_standin PRIVATE allometer_cuda_standin PkgConfig::CMOCKA)
add_test(NAME cuda_standin COMMAND cuda_standin)
set_tests_properties(cuda_standin PROPERTIES TIMEOUT 600)
