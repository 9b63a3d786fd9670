# The CUDA backend: a module that the program loads where a GPU is asked for. Built where a toolkit is found, unless
# ALLOMETER_CUDA says otherwise.

# One translation unit per activation, so that they compile side by side.
file(READ ${PROJECT_SOURCE_DIR}/kernels/activation.h table)
string(REGEX MATCHALL "\n    ROW\\([A-Z_0-9]+," ALLOMETER_ACTIVATIONS "${table}")
list(TRANSFORM ALLOMETER_ACTIVATIONS REPLACE "\n    ROW\\((.*)," "\\1")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/activation.h)
set(ALLOMETER_CUDA_SOURCES kernels/cuda.cu kernels/cuda_device.cu kernels/cuda_data.cu kernels/cuda_plan.cu kernels/cuda_train_any.cu kernels/cuda_deep.cu
                           kernels/cuda_fit_batch.cu)
# What the module needs of the library, compiled into it: it must not depend on who loads it.
set(ALLOMETER_CUDA_HOST_SOURCES host/error.c host/flops.c)
list(TRANSFORM ALLOMETER_CUDA_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)
list(TRANSFORM ALLOMETER_CUDA_HOST_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)

set(ALLOMETER_CUDA_BUILT OFF)
if(ALLOMETER_CUDA STREQUAL "OFF" OR (ALLOMETER_CUDA STREQUAL "AUTO" AND ALLOMETER_SANITIZE))
  return()
endif()

include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(ALLOMETER_CUDA STREQUAL "ON")
    message(FATAL_ERROR "ALLOMETER_CUDA=ON, but no CUDA compiler (nvcc) is found; set CUDACXX or CMAKE_CUDA_COMPILER")
  endif()
  message(STATUS "No CUDA compiler found: the CUDA backend is not built")
  return()
endif()
if(CMAKE_CUDA_ARCHITECTURES)
  set(ALLOMETER_CUDA_DEVICES ${CMAKE_CUDA_ARCHITECTURES})
else()
  # Machine code for data-center and consumer devices since 2020, and PTX for those to come. Half of nvcc's time goes into
  # PTX. It is the same but for its line `.target` for both devices before Blackwell, and for both since: made once each.
  set(CMAKE_CUDA_ARCHITECTURES OFF)
  set(ALLOMETER_CUDA_DEVICES 80 90 100 120)
  add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:--generate-code=arch=compute_80,code=[sm_80,sm_90]>"
                      "$<$<COMPILE_LANGUAGE:CUDA>:--generate-code=arch=compute_100,code=[compute_100,sm_100,sm_120]>")
endif()
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

add_library(allometer_cuda_settings INTERFACE)
target_include_directories(allometer_cuda_settings INTERFACE ${PROJECT_SOURCE_DIR}/kernels)
target_compile_options(allometer_cuda_settings INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow,-Werror,-fvisibility=hidden>
  "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Xptxas -v,-warn-double-usage,-Werror>"
  $<$<COMPILE_LANGUAGE:C>:-fvisibility=hidden>)

# nvcc's output, with ptxas' report of each kernel's resources, is kept beside each object for tests/check_cuda_budget.
set(ALLOMETER_CUDA_REPORTS ${PROJECT_BINARY_DIR}/cuda_reports)
file(MAKE_DIRECTORY ${ALLOMETER_CUDA_REPORTS})

add_library(allometer_cuda MODULE ${ALLOMETER_CUDA_SOURCES} ${ALLOMETER_CUDA_HOST_SOURCES})
set_target_properties(allometer_cuda PROPERTIES PREFIX "")
target_link_libraries(allometer_cuda PRIVATE allometer_cuda_settings CUDA::nvtx3 ${CMAKE_DL_LIBS})
set(cuda_targets allometer_cuda)
# Fits are in double precision: of all kernels theirs alone.
add_library(allometer_cuda_fit OBJECT ${PROJECT_SOURCE_DIR}/kernels/cuda_fit.cu)
target_include_directories(allometer_cuda_fit PRIVATE ${PROJECT_SOURCE_DIR}/kernels)
target_compile_options(allometer_cuda_fit PRIVATE
  -Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Wshadow,-Werror,-fvisibility=hidden
  "SHELL:-Xptxas -v,-warn-spills,-Werror")
target_sources(allometer_cuda PRIVATE $<TARGET_OBJECTS:allometer_cuda_fit>)
list(APPEND cuda_targets allometer_cuda_fit)
foreach(activation ${ALLOMETER_ACTIVATIONS})
  add_library(allometer_cuda_${activation} OBJECT ${PROJECT_SOURCE_DIR}/kernels/cuda_train.cu)
  target_compile_definitions(allometer_cuda_${activation} PRIVATE ACTIVATION=${activation})
  target_link_libraries(allometer_cuda_${activation} PRIVATE allometer_cuda_settings)
  target_sources(allometer_cuda PRIVATE $<TARGET_OBJECTS:allometer_cuda_${activation}>)
  list(APPEND cuda_targets allometer_cuda_${activation})
endforeach()
foreach(target ${cuda_targets})
  set_target_properties(${target} PROPERTIES
    CUDA_COMPILER_LAUNCHER "${PROJECT_SOURCE_DIR}/cmake/keep_report;${ALLOMETER_CUDA_REPORTS}")
endforeach()
set(ALLOMETER_CUDA_BUILT ON)
