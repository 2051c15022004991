# GPU support is a module of its own, loaded when a GPU is asked for: nothing else links CUDA.
# AUTO builds it when a toolkit is found, ON insists, OFF does without.
set(COLLAPSCOPE_HAS_CUDA OFF)
if(COLLAPSCOPE_CUDA STREQUAL "OFF")
  set(COLLAPSCOPE_CUDA_TEXT "not built in (COLLAPSCOPE_CUDA=OFF)")
else()
  find_package(CUDAToolkit 12 QUIET)
  if(CUDAToolkit_FOUND)
    set(COLLAPSCOPE_HAS_CUDA ON)
    set(COLLAPSCOPE_CUDA_TEXT "toolkit ${CUDAToolkit_VERSION}")
  elseif(COLLAPSCOPE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "COLLAPSCOPE_CUDA=ON, but no CUDA toolkit (12 or later) was found; "
      "set CUDAToolkit_ROOT, or use AUTO or OFF")
  else()
    set(COLLAPSCOPE_CUDA_TEXT "not built in (no CUDA toolkit was found)")
  endif()
endif()
message(STATUS "collapscope: CUDA ${COLLAPSCOPE_CUDA_TEXT}")
