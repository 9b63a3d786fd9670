# Every experiment from its data or sweep to its pictures, in a setting of seconds, so that the scripts cannot rot. What the
# program does for them has tests of its own; a sweep, one of many subtasks and published data go through every build.
foreach(experiment resource-model/single resource-model/parallel resource-model/width resource-model/modules resource-model/series
        resource-model/ensembling resource-model/homogeneous-growth resource-model/width-and-depth
        resource-model/allocation-law many-subtasks chinchilla broken-power-law extrapolation)
  get_filename_component(name ${experiment} NAME)
  add_test(NAME experiment_${name}
           COMMAND ${PROJECT_SOURCE_DIR}/tests/check_experiment ${experiment} $<TARGET_FILE:allometer_command>
                   "${PROJECT_BINARY_DIR}/tests/experiments/${name}'s results")
  set_tests_properties(experiment_${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 COST 15)
  if(NOT name MATCHES "^(single|many-subtasks|chinchilla)$")
    set_tests_properties(experiment_${name} PROPERTIES LABELS once)
  endif()
endforeach()
