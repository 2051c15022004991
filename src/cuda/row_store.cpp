#include "cuda/row_store.hpp"

#include "collapscope/core/error.hpp"

namespace collapscope::cuda {

void CudaRowStore::put(std::size_t offset, const RowBytes& rows) {
  if (offset > bytes_.size() || rows.bytes.size() > bytes_.size() - offset) {
    throw UsageError("RowStore::put: more rows than the store was made for");
  }
  device_.select();
  Call("cudaMemcpyAsync of rows")
      .check(cudaMemcpyAsync(bytes_.data() + offset, rows.bytes.data(), rows.bytes.size(),
                             rows.on_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice,
                             device_.compute()));
  Call("cudaEventRecord").check(cudaEventRecord(copied_.get(), device_.compute()));
  is_settled_ = false;
}

void CudaRowStore::settle() {
  if (!is_settled_) {
    device_.select();
    device_.wait_for_event(copied_.get());
    is_settled_ = true;
  }
}

}  // namespace collapscope::cuda
