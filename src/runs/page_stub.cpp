#include "collapscope/report.hpp"
namespace collapscope {
std::string report_page(std::string_view data_json) {
  return "<script>" + std::string(data_json) + "</script>";
}
}  // namespace collapscope
