# Libraries from the system; nothing is downloaded. COLLAPSCOPE_STATIC_DEPENDENCIES links their static twins, for
# machines that lack them: those still need glibc, libstdc++ and, for a GPU, the CUDA libraries.
if(COLLAPSCOPE_STATIC_DEPENDENCIES)
  set(ZLIB_USE_STATIC_LIBS ON)
endif()
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)

# The serial HDF5: every process reads for itself.
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 1.10 REQUIRED COMPONENTS C)
add_library(collapscope_hdf5 INTERFACE)
target_include_directories(collapscope_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(collapscope_hdf5 INTERFACE ${HDF5_C_LIBRARIES})

pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
find_path(LAPACKE_INCLUDE_DIR lapacke.h REQUIRED)
find_library(LAPACKE_LIBRARY lapacke REQUIRED)
add_library(collapscope_blas INTERFACE)
target_include_directories(collapscope_blas SYSTEM INTERFACE ${LAPACKE_INCLUDE_DIR})
target_link_libraries(collapscope_blas INTERFACE PkgConfig::OPENBLAS ${LAPACKE_LIBRARY})

# libdeflate inflates chunks two to three times faster than zlib, on which HDF5 depends anyway.
option(COLLAPSCOPE_LIBDEFLATE "Inflate with libdeflate where it is installed; zlib otherwise" ON)
if(COLLAPSCOPE_LIBDEFLATE AND NOT COLLAPSCOPE_STATIC_DEPENDENCIES)
  pkg_check_modules(LIBDEFLATE IMPORTED_TARGET libdeflate)
endif()
if(COLLAPSCOPE_LIBDEFLATE AND LIBDEFLATE_FOUND)
  set(COLLAPSCOPE_DEFLATE libdeflate)
else()
  set(COLLAPSCOPE_DEFLATE zlib)
  find_package(ZLIB REQUIRED GLOBAL)
endif()

# Spectra (headers only, over Eigen) finds a few eigenpairs of many in a tenth of LAPACK's time.
option(COLLAPSCOPE_SPECTRA "Find few eigenpairs of many with Spectra where it is installed; LAPACK otherwise" ON)
set(COLLAPSCOPE_TOP_EIGEN lapack)
if(COLLAPSCOPE_SPECTRA)
  find_package(spectra 1.0 CONFIG QUIET)
  find_package(Eigen3 3.3 CONFIG QUIET)
  if(spectra_FOUND AND Eigen3_FOUND)
    set(COLLAPSCOPE_TOP_EIGEN spectra)
  endif()
endif()

if(COLLAPSCOPE_STATIC_DEPENDENCIES)
  include(StaticDependencies)
endif()
