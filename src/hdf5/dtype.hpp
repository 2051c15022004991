// What a file or its user says of the type of numbers, against how they are stored.
#pragma once

#include <optional>
#include <string>

#include "collapscope/core/element.hpp"
#include "hdf5/attributes.hpp"

namespace collapscope::hdf5 {

// What the attribute NAME says, in the words of torch, numpy or HDF5.
struct SaidType {
  std::string attribute;
  std::string text;  // "torch.bfloat16", "<f2"
};

// Of a dataset or of the group that holds it.
[[nodiscard]] std::optional<SaidType> said_type(const Attributes& attributes);

// The numbers' type when they are stored as `stored`. uint16 that a file calls bfloat16 is bfloat16, and
// integers of 16 bits are what the user says (`read_as`) unless the file calls them integers. Throws
// InputError for a contradiction: floats' bits in integers are never taken for integers.
[[nodiscard]] ElementType interpret(ElementType stored, const std::optional<SaidType>& said,
                                    const std::optional<ElementKind>& read_as, const Place& place);

}  // namespace collapscope::hdf5
