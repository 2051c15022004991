#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

class PlainStore final : public RowStore {
 public:
  explicit PlainStore(std::size_t size) : bytes_(size) {}

  void put(std::size_t offset, const RowBytes& rows) override {
    if (rows.on_device) {
      throw UsageError("RowStore::put: rows of a device; expected rows of the host");
    }
    std::ranges::copy(rows.bytes, std::span(bytes_).subspan(offset, rows.bytes.size()).begin());
  }
  [[nodiscard]] RowBytes rows() const override { return {bytes_}; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace

std::unique_ptr<RowStore> make_plain_store(std::size_t size) { return std::make_unique<PlainStore>(size); }

}  // namespace collapscope
