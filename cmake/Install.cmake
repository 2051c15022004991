# bin/collapscope, the library, its headers, and a CMake package: find_package(collapscope), link
# collapscope::collapscope.
include(CMakePackageConfigHelpers)

set_target_properties(collapscope_program PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
install(TARGETS collapscope_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS collapscope EXPORT collapscopeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET collapscope_cuda)
  install(TARGETS collapscope_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/collapscope)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/collapscope DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/collapscope)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/collapscopeConfig.cmake.in
  ${PROJECT_BINARY_DIR}/collapscopeConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/collapscopeConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/collapscopeConfig.cmake ${PROJECT_BINARY_DIR}/collapscopeConfigVersion.cmake
  DESTINATION ${package_dir})
install(EXPORT collapscopeTargets NAMESPACE collapscope:: DESTINATION ${package_dir})
