#include "collapscope/core/error.hpp"

#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

std::string describe(const std::string& file, const std::string& object, const std::string& message) {
  std::string text;
  for (const std::string& name : {file, object}) {
    text += name.empty() ? "" : printable(name) + ": ";
  }
  return text + message;
}

}  // namespace

InputError::InputError(const std::string& file, const std::string& object, const std::string& message)
    : Error(describe(file, object, message)), file_(file), object_(object), message_(message) {}

}  // namespace collapscope
