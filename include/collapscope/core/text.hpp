// Small text helpers: printing names that come from files, sizes, natural order, globs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace collapscope {

// `text` with control characters, terminal escapes and invalid UTF-8 written as \xNN, so that a name
// from a file can be shown on a terminal or in a log.
[[nodiscard]] std::string printable(std::string_view text);

// "1.5 GiB"; binary units, at most one decimal.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

// Bytes from "512M", "2GiB", "1.5g", "100000"; binary units (K, M, G, T with optional "iB" or "B").
// Throws UsageError.
[[nodiscard]] std::uint64_t parse_bytes(std::string_view text);

// "[200000, 512]"
[[nodiscard]] std::string shape_text(const std::vector<std::uint64_t>& shape);

// Natural order: runs of digits compare as numbers, so "fc2" < "fc10". A strict weak order.
[[nodiscard]] bool natural_less(std::string_view a, std::string_view b);

// Shell-like match of a whole name: '*' any run of characters, '?' one, '[abc]' a set.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view name);

// Globs as they are meant where there are such names: what is a name itself matches no other one, although
// it may have brackets ("h[0]" beside "h0").
[[nodiscard]] std::vector<std::string> globs_among(std::vector<std::string> globs,
                                                   const std::vector<std::string>& names);

}  // namespace collapscope
