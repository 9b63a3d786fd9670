# What `cmake --install` puts where: the program, the library in both forms, its headers under include/allometer,
# the CUDA module, the pkg-config file, the manual page.

# allometer.h and what it includes, and what that includes.
set(PUBLIC_HEADERS "")
set(waiting allometer.h)
while(waiting)
  list(POP_FRONT waiting name)
  foreach(folder kernels ${HOST_FOLDERS})
    set(header ${PROJECT_SOURCE_DIR}/${folder}/${name})
    if(EXISTS ${header} AND NOT header IN_LIST PUBLIC_HEADERS)
      list(APPEND PUBLIC_HEADERS ${header})
      file(STRINGS ${header} includes REGEX "^#include \"")
      list(TRANSFORM includes REPLACE "^#include \"(.*)\".*" "\\1")
      list(APPEND waiting ${includes})
    endif()
  endforeach()
endwhile()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PUBLIC_HEADERS})

# The names that the library shows are those that these headers speak of.
set(names "")
foreach(header ${PUBLIC_HEADERS})
  file(READ ${header} text)
  string(REGEX MATCHALL "allometer_[a-z0-9_]+" words "${text}")
  list(APPEND names ${words})
endforeach()
list(REMOVE_DUPLICATES names)
list(JOIN names "; " names_of_map)
list(JOIN names "\n" names_in_lines)
file(CONFIGURE OUTPUT allometer.map CONTENT "{ global: @names_of_map@; local: *; };\n" @ONLY)
file(CONFIGURE OUTPUT allometer.names CONTENT "@names_in_lines@\n" @ONLY)

# The objects of the library once more in both forms that are installed: there these names alone are visible. The static
# one is a single object, since what its parts call of one another would else be visible to all; -d: with its common symbols
# in place, such as OpenMP's locks, which no linker places once they are hidden. LLVM's linker, from its 15th version, places
# none whatever it is told.
find_program(ALLOMETER_PARTIAL_LINKER NAMES ld.bfd ld ${CMAKE_LINKER} REQUIRED)
set(objects $<TARGET_OBJECTS:allometer>)
foreach(set ${ALLOMETER_INSTRUCTION_SETS})
  if(TARGET allometer_${set})
    list(APPEND objects $<TARGET_OBJECTS:allometer_${set}>)
  endif()
endforeach()
add_library(allometer_shared SHARED ${objects})
set_target_properties(allometer_shared PROPERTIES OUTPUT_NAME allometer VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE C LINK_DEPENDS ${PROJECT_BINARY_DIR}/allometer.map)
target_link_libraries(allometer_shared PRIVATE allometer_settings)
target_link_options(allometer_shared PRIVATE -Wl,--version-script=${PROJECT_BINARY_DIR}/allometer.map)
set(STATIC_LIBRARY ${PROJECT_BINARY_DIR}/installed/liballometer.a)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/installed)
add_custom_command(
  OUTPUT ${STATIC_LIBRARY}
  COMMAND ${ALLOMETER_PARTIAL_LINKER} -r -d -o installed/allometer.o ${objects}
  COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=allometer.names installed/allometer.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${STATIC_LIBRARY}
  COMMAND ${CMAKE_AR} qcs ${STATIC_LIBRARY} installed/allometer.o
  DEPENDS ${objects} ${PROJECT_BINARY_DIR}/allometer.names
  WORKING_DIRECTORY ${PROJECT_BINARY_DIR}
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(allometer_static ALL DEPENDS ${STATIC_LIBRARY})

# Where the program looks for the module beside the places near itself.
set_property(SOURCE host/backend_find.c APPEND PROPERTY COMPILE_DEFINITIONS
             ALLOMETER_MODULE_FOLDER="${CMAKE_INSTALL_FULL_LIBDIR}/allometer")

# Paths relative to the file itself, so that an installed tree may be moved.
file(RELATIVE_PATH PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
cmake_path(APPEND PC_LIBDIR "\${prefix}" ${CMAKE_INSTALL_LIBDIR})
cmake_path(APPEND PC_INCLUDEDIR "\${prefix}" ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(cmake/allometer.pc.in allometer.pc @ONLY)

install(TARGETS allometer_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${STATIC_LIBRARY} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PUBLIC_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/allometer)
install(FILES ${PROJECT_BINARY_DIR}/allometer.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES man/allometer.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES man/allometer-columns.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET allometer_command)
  install(TARGETS allometer_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET allometer_cuda)
  install(TARGETS allometer_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/allometer)
endif()
