# The vector functions are tested as each instruction set compiles them.
allometer_add_lane_objects(test_maths ${CMAKE_CURRENT_SOURCE_DIR}/lanes_maths.c)
