# Puts the page together and writes it as a C++ source: cmake -DHTML= -DCSS= -DSCRIPTS= -DCHARTJS= -DOUT= -P embed.cmake
# SCRIPTS: files, separated by |. Without CHARTJS the page is empty and report_page says so.
cmake_minimum_required(VERSION 3.25)

# base64 of a SHA-256 given in hexadecimal.
function(to_base64 hex out)
  set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  string(APPEND hex "00")
  foreach(begin RANGE 0 65 3)
    string(SUBSTRING "${hex}" ${begin} 3 digits)
    math(EXPR first "0x${digits} / 64")
    math(EXPR second "0x${digits} % 64")
    string(SUBSTRING "${alphabet}" ${first} 1 first)
    string(SUBSTRING "${alphabet}" ${second} 1 second)
    string(APPEND text "${first}${second}")
  endforeach()
  string(SUBSTRING "${text}" 0 43 text)
  set(${out} "${text}=" PARENT_SCOPE)
endfunction()

# 'sha256-...' of an inline element's text, as a content-security policy wants it.
function(source_hash text out)
  string(SHA256 hex "${text}")
  to_base64(${hex} hash)
  set(${out} "'sha256-${hash}'" PARENT_SCOPE)
endfunction()

function(check_inline text what)
  string(TOLOWER "${text}" lower)
  foreach(bad "</script" "</style" "<!--" "\r")
    string(FIND "${lower}" "${bad}" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${what}: ${bad} cannot stand in an inline script or style")
    endif()
  endforeach()
endfunction()

set(parts "" "" "" "")
if(CHARTJS)
  file(READ "${CHARTJS}" chartjs)
  file(READ "${HTML}" page)
  file(READ "${CSS}" style)
  set(script "'use strict';\n(() => {\n")
  string(REPLACE "|" ";" files "${SCRIPTS}")
  foreach(file IN LISTS files)
    file(READ "${file}" text)
    string(APPEND script "${text}\n")
  endforeach()
  string(APPEND script "})();\n")
  # The map of its source would be asked for when somebody opens the browser's tools.
  string(REGEX REPLACE "\n//# sourceMappingURL=[^\n]*" "" chartjs "${chartjs}")
  check_inline("${chartjs}" "${CHARTJS}")
  check_inline("${script}" "${SCRIPTS}")
  check_inline("${style}" "${CSS}")
  source_hash("${chartjs}" chart_hash)
  source_hash("${script}" script_hash)
  source_hash("${style}" style_hash)
  string(REPLACE "@SCRIPT_HASHES@" "${chart_hash} ${script_hash}" page "${page}")
  string(REPLACE "@STYLE_HASH@" "${style_hash}" page "${page}")
  string(REPLACE "@STYLE@" "${style}" page "${page}")
  string(REPLACE "@CHARTJS@" "${chartjs}" page "${page}")
  string(REPLACE "@SCRIPT@" "${script}" page "${page}")
  # Cut where the title (twice) and the data go.
  set(cpp "")
  foreach(mark "@TITLE@" "@TITLE@" "@DATA@")
    string(FIND "${page}" "${mark}" at)
    string(LENGTH "${mark}" length)
    string(SUBSTRING "${page}" 0 ${at} part)
    math(EXPR next "${at} + ${length}")
    string(SUBSTRING "${page}" ${next} -1 page)
    string(APPEND cpp "    R\"collapscope(${part})collapscope\",\n")
  endforeach()
  string(APPEND cpp "    R\"collapscope(${page})collapscope\",\n")
else()
  set(cpp "    \"\", \"\", \"\", \"\",\n")
endif()
file(WRITE "${OUT}.new" "// Made by embed.cmake.
#include \"report/page/page_parts.hpp\"

namespace collapscope {

const std::array<std::string_view, 4> page_parts{
${cpp}};

}  // namespace collapscope
")
file(RENAME "${OUT}.new" "${OUT}")
