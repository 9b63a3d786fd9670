# The instruction sets compiled into one binary, narrowest first; cpu.c picks at run time.
# Each kernels/lanes_*.c is compiled once per set with -DINSTRUCTION_SET=name and that set's flags.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_C_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "Allometer's kernels need __builtin_shufflevector: gcc 12 or later, or clang; "
                      "this is gcc ${CMAKE_C_COMPILER_VERSION}. Name another as CC=... before cmake")
endif()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(ALLOMETER_INSTRUCTION_SETS sse2 avx2 avx512)
  set(ALLOMETER_FLAGS_sse2 -msse2)
  set(ALLOMETER_FLAGS_avx2 -mavx2 -mfma)
  set(ALLOMETER_FLAGS_avx512 -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma -mprefer-vector-width=512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(ALLOMETER_INSTRUCTION_SETS neon)
  set(ALLOMETER_FLAGS_neon "")
else()
  message(FATAL_ERROR "Allometer's kernels know x86-64 and 64-bit ARM, not ${CMAKE_SYSTEM_PROCESSOR}")
endif()

# ROW(sse2)ROW(avx2)...: cpu.c expands it into its table.
set(ALLOMETER_INSTRUCTION_SETS_MACRO "")
foreach(set ${ALLOMETER_INSTRUCTION_SETS})
  string(APPEND ALLOMETER_INSTRUCTION_SETS_MACRO "ROW(${set})")
endforeach()

function(allometer_add_lane_objects target sources)
  if(NOT sources)
    return()
  endif()
  foreach(set ${ALLOMETER_INSTRUCTION_SETS})
    add_library(${target}_${set} OBJECT ${sources})
    target_link_libraries(${target}_${set} PRIVATE allometer_settings)
    target_compile_definitions(${target}_${set} PRIVATE INSTRUCTION_SET=${set})
    # What must be unrolled is marked so: -O3 is no faster than -O2 and compiles half as long again.
    # gcc would make calls of memset out of loops that clear a few vectors: a tenth of a small model's step.
    target_compile_options(${target}_${set} PRIVATE ${ALLOMETER_FLAGS_${set}} $<$<CONFIG:Release>:-O2>
                                                    $<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)
    if(set IN_LIST ALLOMETER_FEW_SPECIALIZATIONS)
      target_compile_definitions(${target}_${set} PRIVATE ALLOMETER_FEW_SPECIALIZATIONS)
    endif()
    if(ALLOMETER_SANITIZE MATCHES undefined)
      # Every access of an unrolled loop would get these checks, for minutes of compilation. What they find the address
      # sanitizer finds as well, and the kernels load and store whole vectors through memcpy.
      target_compile_options(${target}_${set} PRIVATE -fno-sanitize=null,alignment,pointer-overflow,object-size)
    endif()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${set}>)
  endforeach()
endfunction()
