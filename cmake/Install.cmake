# bin/collapscope with its manual page and completions, the library, its headers, and a CMake package: find_package(collapscope), link
# collapscope::collapscope.
include(CMakePackageConfigHelpers)

set_target_properties(collapscope_program PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
install(TARGETS collapscope_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(TARGETS collapscope EXPORT collapscopeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT program)
if(TARGET collapscope_cuda)
  # The libraries of the toolkit that it was built with, where they still are; LD_LIBRARY_PATH goes before them.
  set_target_properties(collapscope_cuda PROPERTIES INSTALL_RPATH "$ORIGIN;${CUDAToolkit_LIBRARY_DIR}")
  install(TARGETS collapscope_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/collapscope COMPONENT cuda)
endif()
if(TARGET collapscope_mpi)
  install(TARGETS collapscope_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/collapscope COMPONENT mpi)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/collapscope DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/collapscope)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/collapscopeConfig.cmake.in
  ${PROJECT_BINARY_DIR}/collapscopeConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/collapscopeConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/collapscopeConfig.cmake ${PROJECT_BINARY_DIR}/collapscopeConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT development)
install(EXPORT collapscopeTargets NAMESPACE collapscope:: DESTINATION ${package_dir} COMPONENT development)

# The manual page and the completions, written by the program.
set(texts ${PROJECT_BINARY_DIR}/share)
set(written "")
foreach(text man bash zsh fish)
  add_custom_command(OUTPUT ${texts}/${text}/written DEPENDS collapscope_program VERBATIM
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:collapscope_program> -DTEXT=${text} -DFOLDER=${texts}/${text}
      -P ${PROJECT_SOURCE_DIR}/cmake/WriteText.cmake)
  list(APPEND written ${texts}/${text}/written)
endforeach()
add_custom_target(collapscope_texts ALL DEPENDS ${written})
install(FILES ${texts}/man/collapscope.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
install(FILES ${texts}/bash/collapscope DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT program)
install(FILES ${texts}/zsh/_collapscope DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT program)
install(FILES ${texts}/fish/collapscope.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program RENAME copyright)

include(DebianPackages)
