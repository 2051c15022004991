# One interface target carries the language level, warnings and sanitizers of all our own targets.
add_library(collapscope_options INTERFACE)
target_compile_features(collapscope_options INTERFACE cxx_std_20)
target_compile_options(collapscope_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -ffp-contract=off>)
# g++ 12 sees overlapping copies in std::string where there are none (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(collapscope_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
if(COLLAPSCOPE_WERROR)
  target_compile_options(collapscope_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(COLLAPSCOPE_SANITIZE)
  target_compile_options(collapscope_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer>)
  # GCC's manual: with sanitizers "maybe uninitialized" warns of what is not so, and is not to be an error.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(collapscope_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
  endif()
  target_link_options(collapscope_options INTERFACE -fsanitize=address,undefined)
endif()
