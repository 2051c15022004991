// Rows that are in a GPU's memory already, as a training script has them: folded there, with the bits of the
// same rows from the host, behind what makes them, and free again when the call returns.
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "collapscope/analysis/accumulator.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "core/support.hpp"
#include "cuda/pipeline.hpp"

namespace collapscope {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

template <class Function>
Function* of_runtime(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
}

// Somebody else's stream, where rows come into being in memory of the device.
class Producer {
 public:
  explicit Producer(std::size_t most) : most_(most) {
    of_runtime<decltype(cudaStreamCreateWithFlags)>("cudaStreamCreateWithFlags")(&stream_,
                                                                                 cudaStreamNonBlocking);
    of_runtime<decltype(cudaEventCreateWithFlags)>("cudaEventCreateWithFlags")(&event_,
                                                                               cudaEventDisableTiming);
    of_runtime<cudaError_t(void**, std::size_t)>("cudaMalloc")(&device_, most);
    of_runtime<cudaError_t(void**, std::size_t, unsigned)>("cudaHostAlloc")(&pinned_, most, 0);
  }
  ~Producer() {
    of_runtime<decltype(cudaStreamSynchronize)>("cudaStreamSynchronize")(stream_);
    of_runtime<decltype(cudaFree)>("cudaFree")(device_);
    of_runtime<decltype(cudaFreeHost)>("cudaFreeHost")(pinned_);
    of_runtime<decltype(cudaEventDestroy)>("cudaEventDestroy")(event_);
    of_runtime<decltype(cudaStreamDestroy)>("cudaStreamDestroy")(stream_);
  }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // The rows on the device, made before what comes next on `consumer`: what DLPack asks of a producer.
  RowBytes make(std::span<const std::byte> rows, const DeviceStream& consumer) {
    of_runtime<decltype(cudaStreamSynchronize)>("cudaStreamSynchronize")(stream_);  // `pinned_` is free
    std::ranges::copy(rows, static_cast<std::byte*>(pinned_));
    of_runtime<decltype(cudaMemcpyAsync)>("cudaMemcpyAsync")(device_, pinned_, rows.size(),
                                                             cudaMemcpyHostToDevice, stream_);
    of_runtime<decltype(cudaEventRecord)>("cudaEventRecord")(event_, stream_);
    of_runtime<cudaError_t(cudaStream_t, cudaEvent_t, unsigned)>("cudaStreamWaitEvent")(
        static_cast<cudaStream_t>(consumer.stream), event_, 0);
    return {{static_cast<const std::byte*>(device_), rows.size()}, true};
  }
  // NaN in their place.
  void spoil() { of_runtime<decltype(cudaMemsetAsync)>("cudaMemsetAsync")(device_, 0xff, most_, stream_); }

 private:
  std::size_t most_;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t event_ = nullptr;
  void* device_ = nullptr;
  void* pinned_ = nullptr;
};

enum class From { host, device, both };

class DeviceRows : public test::Pipeline {
 protected:
  static constexpr std::size_t count = 3000;  // more than eleven tiles
  static constexpr std::size_t d = 12;

  void SetUp() override {
    fake().restart({});
    ::setenv("COLLAPSCOPE_GPU_TILE", "3072", 1);  // 256 rows
    test::Random random(11);
    weight_ = test::random_matrix(3, d, random);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        rows_.push_back(static_cast<float>(random.normal() + (j == 0 ? 40 : 0)));
      }
      for (std::size_t j = 0; j < 2; ++j) {
        targets_.push_back(rows_[i * d + j] + random.normal() / 10);
      }
      labels_.push_back(i % 7 == 2 ? -1 : static_cast<double>(random.below(3)));
    }
  }

  void TearDown() override { ::unsetenv("COLLAPSCOPE_GPU_TILE"); }

  [[nodiscard]] Accumulator made(const std::string& device, bool classes) const {
    AnalysisOptions options;
    if (classes) {
      options.ignore_label = -100;
    }
    const AccumulatedTargets targets{classes ? 0U : 2U, {}, classes ? 3U : 0U};
    return {{{"fc", d, {ElementKind::float32, false}, weight_, 0, "linear"}},
            targets,
            options,
            make_backend(device, 1).backend};
  }

  [[nodiscard]] std::span<const std::byte> bytes(std::size_t first, std::size_t rows) const {
    return std::as_bytes(std::span(rows_).subspan(first * d, rows * d));
  }
  [[nodiscard]] MatrixView<const double> targets(std::size_t first, std::size_t rows, bool classes) const {
    return classes ? MatrixView<const double>(labels_.data() + first, rows, 1)
                   : MatrixView<const double>(targets_.data() + 2 * first, rows, 2);
  }

  // Both looks, in batches of this many rows.
  Results found(const std::string& device, From from, bool classes, std::size_t batch) {
    Accumulator sums = made(device, classes);
    const auto stream = sums.row_stream();
    Producer producer(batch * d * sizeof(float));
    const auto pass = [&](const auto& give) {
      for (std::size_t first = 0, number = 0; first < count; first += batch, ++number) {
        const std::size_t rows = std::min(batch, count - first);
        const bool is_there = from == From::device || (from == From::both && number % 2 == 1);
        give(std::vector{is_there ? producer.make(bytes(first, rows), stream.value())
                                  : RowBytes(bytes(first, rows))},
             targets(first, rows, classes));
        producer.spoil();
      }
    };
    pass([&](const auto& rows, auto values) { sums.update(rows, values); });
    sums.begin_look();
    pass([&](const auto& rows, auto values) { sums.look(rows, values); });
    return sums.compute();
  }

  void expect_near(const Results& results, const Results& wanted) {
    test::expect_same_layers(results, wanted, test::expect_near_number);
  }

  Matrix weight_;
  std::vector<float> rows_;
  std::vector<double> targets_;
  std::vector<double> labels_;
};

TEST_F(DeviceRows, HaveTheBitsOfRowsOfTheHostOnEverySchedule) {
  for (const bool classes : {false, true}) {
    SCOPED_TRACE(classes ? "classes" : "targets");
    const Results on_cpu = found("cpu", From::host, classes, 100);
    fake().restart({});
    const std::string expected = digits(found("cuda", From::host, classes, 100));
    const long violations = fake().violations();
    for (const test::FakeCuda::Settings& settings :
         std::vector<test::FakeCuda::Settings>{{{"SCHEDULE", "eager"}},
                                               {{"SCHEDULE", "lazy"}},
                                               {{"SCHEDULE", "reverse"}},
                                               {{"SCHEDULE", "lazy"}, {"RACES", "1"}},
                                               {{"SCHEDULE", "random"}, {"SEED", "1"}},
                                               {{"SCHEDULE", "random"}, {"SEED", "2"}, {"PROTECT", "0"}}}) {
      for (const auto& [from, batch] : std::vector<std::pair<From, std::size_t>>{
               {From::device, 100}, {From::device, 256}, {From::device, 1100}, {From::both, 77}}) {
        SCOPED_TRACE(testing::Message() << settings.at("SCHEDULE") << ", batches of " << batch);
        fake().restart(settings);
        const Results results = found("cuda", from, classes, batch);
        EXPECT_EQ(digits(results), expected);
        expect_near(results, on_cpu);
        EXPECT_EQ(fake().leaks(), 0);
      }
    }
    EXPECT_EQ(fake().violations(), violations);
  }
}

// Of the rows nothing crosses the bus, and the host waits once, however many layers there are.
TEST_F(DeviceRows, StayOnTheDevice) {
  fake().restart({});
  Accumulator sums = made("cuda", false);
  Producer producer(count * d * sizeof(float));
  const RowBytes rows = producer.make(bytes(0, 600), sums.row_stream().value());
  const auto counted = [&](const std::string& what) { return fake().count(what); };
  const long pageable = counted("bytes_pageable_to_device");
  const long pinned = counted("bytes_pinned_to_device");
  const long waits = counted("host_waits");
  sums.update({rows}, targets(0, 600, false));
  EXPECT_EQ(counted("bytes_pinned_to_device") - pinned, 2 * 2 * 256 * 8)
      << "targets of the full tiles, and as such";
  EXPECT_EQ(counted("bytes_pageable_to_device"), pageable);
  EXPECT_LE(counted("host_waits") - waits, 3);
}

// Others in the process have a current device of their own.
TEST_F(DeviceRows, LeaveTheCallersDevice) {
  fake().restart({{"DEVICES", "2"}});
  const auto current = [] {
    int device = -1;
    of_runtime<decltype(cudaGetDevice)>("cudaGetDevice")(&device);
    return device;
  };
  of_runtime<decltype(cudaSetDevice)>("cudaSetDevice")(0);
  {
    Accumulator sums = made("cuda:1", false);
    EXPECT_EQ(sums.row_stream().value().device, 1);
    EXPECT_EQ(current(), 0) << "made";
    sums.update({RowBytes(bytes(0, 700))}, targets(0, 700, false));
    EXPECT_EQ(current(), 0) << "update";
    sums.begin_look();
    EXPECT_EQ(current(), 0) << "begin_look";
    sums.look({RowBytes(bytes(0, 700))}, targets(0, 700, false));
    EXPECT_EQ(current(), 0) << "look";
    (void)sums.compute();
    EXPECT_EQ(current(), 0) << "compute";
    sums.reset();
    EXPECT_EQ(current(), 0) << "reset";
  }
  EXPECT_EQ(current(), 0) << "gone";
  EXPECT_EQ(fake().leaks(), 0);
}

TEST_F(DeviceRows, AreRefusedByTheCpu) {
  Accumulator sums = made("cpu", false);
  EXPECT_FALSE(sums.row_stream().has_value());
  EXPECT_THAT([&] { sums.update({RowBytes(bytes(0, 10), true)}, targets(0, 10, false)); },
              ThrowsMessage<UsageError>(HasSubstr("rows on a device; expected rows of the host")));
}

// Of tiles with rows that are left out, too, the batch's own row is named.
TEST_F(DeviceRows, NameTheRowOfANan) {
  for (const bool classes : {false, true}) {
    fake().restart({});
    rows_[1000 * d + 3] = std::numeric_limits<float>::quiet_NaN();
    ASSERT_NE(labels_[1000], -1);
    EXPECT_THAT([&] { (void)found("cuda", From::device, classes, 128); },
                ThrowsMessage<InputError>(HasSubstr("fc: found NaN or Inf, first in row 1000;")));
  }
}

}  // namespace
}  // namespace collapscope
