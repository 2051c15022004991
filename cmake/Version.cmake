# The commit, for provenance: from git when this is a checkout, "unknown" otherwise.
find_package(Git QUIET)
set(COLLAPSCOPE_COMMIT unknown)
if(Git_FOUND AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE head OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(COLLAPSCOPE_COMMIT ${head})
    if(EXISTS ${PROJECT_SOURCE_DIR}/.git/logs/HEAD)
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/.git/logs/HEAD)
    endif()
  endif()
endif()

configure_file(${PROJECT_SOURCE_DIR}/cmake/build_config.hpp.in ${PROJECT_BINARY_DIR}/generated/build_config.hpp @ONLY)
