# What makes building quick: ccache where it is installed, several sources in one translation unit, precompiled headers.
# -DCMAKE_UNITY_BUILD=OFF -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON compiles every file by itself, as clang-tidy does (preset lint).
option(COLLAPSCOPE_CCACHE "Compile through ccache where it is installed" ON)
find_program(COLLAPSCOPE_CCACHE_PROGRAM ccache)
mark_as_advanced(COLLAPSCOPE_CCACHE_PROGRAM)
if(COLLAPSCOPE_CCACHE AND COLLAPSCOPE_CCACHE_PROGRAM)
  # Without these two, ccache refuses files that use a precompiled header.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${COLLAPSCOPE_CCACHE_PROGRAM})
  foreach(language C CXX CUDA)
    if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
      set(CMAKE_${language}_COMPILER_LAUNCHER ${launcher})
    endif()
  endforeach()
endif()

if(NOT DEFINED CMAKE_UNITY_BUILD)
  set(CMAKE_UNITY_BUILD ON)
endif()
if(NOT DEFINED CMAKE_UNITY_BUILD_BATCH_SIZE)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 9)
endif()

# collapscope_room(NAME SOURCE...): sources of the library that lie in the current folder, up to nine to a translation unit. Rooms
# do not share one, so that a name without linkage need only be unique within its room.
function(collapscope_room name)
  target_sources(collapscope PRIVATE ${ARGN})
  set(position 0)
  foreach(source IN LISTS ARGN)
    math(EXPR part "${position} / 9 + 1")
    set_source_files_properties(${source} TARGET_DIRECTORY collapscope PROPERTIES UNITY_GROUP ${name}_${part})
    math(EXPR position "${position} + 1")
  endforeach()
endfunction()
