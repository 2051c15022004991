# Replaces the shared libraries of HDF5 and OpenBLAS by static ones, and fmt by its headers.
foreach(library hdf5_serial sz aec lapacke openblas)
  find_library(COLLAPSCOPE_STATIC_${library} lib${library}.a REQUIRED)
endforeach()
foreach(library gfortran quadmath)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=lib${library}.a
    OUTPUT_VARIABLE COLLAPSCOPE_STATIC_${library} OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endforeach()
find_package(ZLIB REQUIRED)

# HDF5 reads from S3 with libcurl and libcrypto, which drag in a dozen libraries more; this one never does.
add_library(collapscope_no_s3 STATIC ${CMAKE_CURRENT_LIST_DIR}/no_s3.c)
set_property(TARGET collapscope_hdf5 PROPERTY INTERFACE_LINK_LIBRARIES
  ${COLLAPSCOPE_STATIC_hdf5_serial} ${COLLAPSCOPE_STATIC_sz} ${COLLAPSCOPE_STATIC_aec} ZLIB::ZLIB
  collapscope_no_s3 m ${CMAKE_DL_LIBS})

set_property(TARGET collapscope_blas PROPERTY INTERFACE_LINK_LIBRARIES
  ${COLLAPSCOPE_STATIC_lapacke} ${COLLAPSCOPE_STATIC_openblas} ${COLLAPSCOPE_STATIC_gfortran}
  ${COLLAPSCOPE_STATIC_quadmath} m Threads::Threads)
target_include_directories(collapscope_blas SYSTEM INTERFACE ${OPENBLAS_INCLUDE_DIRS})

# Its library is still named to the linker and then not needed.
set_property(TARGET fmt::fmt PROPERTY INTERFACE_COMPILE_DEFINITIONS FMT_HEADER_ONLY=1)
add_link_options(-Wl,--as-needed -Wl,--gc-sections)
