// The failures that callers can tell apart.
#pragma once

#include <stdexcept>
#include <string>

namespace collapscope {

// Base of everything this library throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The caller asked for something impossible: an unknown metric, a bad option, too little memory.
class UsageError : public Error {
 public:
  using Error::Error;
};

// A computation could not be trusted (a LAPACK failure, a residual check that did not hold).
class NumericalError : public Error {
 public:
  using Error::Error;
};

// A device (GPU) is missing or failed: nothing that it holds is to be trusted, and nothing more to be asked
// of it.
class DeviceError : public Error {
 public:
  using Error::Error;
};

// A device has too little memory for what was asked; it may be asked for less.
class DeviceMemoryError : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

// Something in an input file is not as it must be. `what()` reads "FILE: OBJECT: MESSAGE", printable:
// names that come from the file have their control characters escaped.
class InputError : public Error {
 public:
  // file: the file's path; empty: of numbers in memory. object: the HDF5 path inside it, may be empty.
  // message: what was found and what was expected.
  InputError(const std::string& file, const std::string& object, const std::string& message);

  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] const std::string& object() const noexcept { return object_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

 private:
  std::string file_;
  std::string object_;
  std::string message_;
};

}  // namespace collapscope
