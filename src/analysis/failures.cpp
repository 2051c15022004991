#include "analysis/failures.hpp"

#include <exception>
#include <filesystem>
#include <new>
#include <system_error>

#include "collapscope/core/error.hpp"

namespace collapscope {

Failure failure_in_flight(const std::string& path, const std::string& object) {
  try {
    throw;
  } catch (const InputError& error) {
    std::error_code ignored;
    const bool same = std::filesystem::equivalent(error.file(), path, ignored);
    return {same ? path : error.file(), error.object().empty() ? object : error.object(), error.message()};
  } catch (const std::bad_alloc&) {
    return {path, object, "out of memory"};
  } catch (const std::exception& error) {
    return {path, object, error.what()};
  }
}

}  // namespace collapscope
