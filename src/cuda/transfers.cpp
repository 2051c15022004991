#include "cuda/transfers.hpp"

#include <vector>

namespace collapscope::cuda {

void bring_down(const Device& device, const PinnedBuffer<double>& staging,
                std::initializer_list<Download> all, double patience) {
  std::vector<Download> staged;  // in the staging, from its begin on
  std::size_t used = 0;
  const auto settle = [&] {
    device.wait_for_stream(device.compute(), patience);
    const double* from = staging.data();
    for (const Download& part : staged) {
      device.copy_numbers(from, part.to, part.count);
      from += part.count;
    }
    staged.clear();
    used = 0;
  };
  for (Download rest : all) {
    while (rest.count > 0) {
      if (used == staging.size()) {
        settle();
      }
      const std::size_t some = std::min(rest.count, staging.size() - used);
      Call("cudaMemcpyAsync to the host")
          .check(cudaMemcpyAsync(staging.data() + used, rest.from, some * sizeof(double),
                                 cudaMemcpyDeviceToHost, device.compute()));
      staged.push_back({rest.to, rest.from, some});
      used += some;
      rest = {rest.to + some, rest.from + some, rest.count - some};
    }
  }
  settle();
}

}  // namespace collapscope::cuda
