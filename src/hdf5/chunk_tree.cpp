#include "hdf5/chunk_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/little_endian.hpp"
#include "hdf5/object_header.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::size_t node_prefix_bytes = 24;  // signature, type, level, count, two siblings
constexpr std::size_t node_address_bytes = 8;
constexpr std::size_t most_node_bytes = std::size_t{16} << 20;
constexpr unsigned most_levels = 32;

}  // namespace

// The bytes of a node: a key before each child and one after the last. A key is the stored size of a chunk,
// its filter mask, and its offset along each axis and within an element (0).
class ChunkTree::Node {
 public:
  explicit Node(std::size_t rank) : rank_(rank) {}

  static std::size_t key_bytes(std::size_t rank) { return 8 + 8 * (rank + 1); }
  static std::size_t bytes(std::size_t rank, unsigned half_children) {
    const std::size_t children = 2 * std::size_t{half_children};
    return node_prefix_bytes + children * node_address_bytes + (children + 1) * key_bytes(rank);
  }

  // Returns whether there is a node of chunks at `address`.
  bool read(const StoredFile& file, std::uint64_t address, std::size_t node_bytes) {
    bytes_.resize(node_bytes);
    const std::uint64_t end = file.size();
    if (address > end || node_bytes > end - address) {
      return false;
    }
    file.read(address, bytes_);
    constexpr std::string_view signature = "TREE";
    constexpr std::uint64_t of_chunks = 1;
    return std::memcmp(bytes_.data(), signature.data(), signature.size()) == 0 && field(4, 1) == of_chunks &&
           count() > 0 && node_prefix_bytes + count() * step() + key_bytes(rank_) <= node_bytes;
  }

  [[nodiscard]] unsigned level() const { return static_cast<unsigned>(field(5, 1)); }
  [[nodiscard]] std::size_t count() const { return field(6, 2); }
  [[nodiscard]] std::uint64_t chunk_bytes(std::size_t i) const { return field(key(i), 4); }
  [[nodiscard]] std::uint32_t skipped(std::size_t i) const {
    return static_cast<std::uint32_t>(field(key(i) + 4, 4));
  }
  [[nodiscard]] std::uint64_t offset(std::size_t i, std::size_t axis) const {
    return field(key(i) + 8 + 8 * axis, 8);
  }
  [[nodiscard]] std::uint64_t child(std::size_t i) const { return field(key(i) + key_bytes(rank_), 8); }

 private:
  [[nodiscard]] std::size_t step() const { return key_bytes(rank_) + node_address_bytes; }
  [[nodiscard]] std::size_t key(std::size_t i) const { return node_prefix_bytes + i * step(); }
  [[nodiscard]] std::uint64_t field(std::size_t at, std::size_t size) const {
    return little_endian(std::span(bytes_).subspan(at, size), size);
  }

  std::size_t rank_;
  std::vector<std::byte> bytes_;
};

std::vector<StoredChunk> ChunkTree::leaf_chunks(const Node& node, std::uint64_t first) const {
  std::vector<StoredChunk> chunks;
  std::vector<std::uint64_t> offset(rank_);
  for (std::size_t i = 0; i < node.count(); ++i) {
    for (std::size_t axis = 0; axis < rank_; ++axis) {
      offset[axis] = node.offset(i, axis);
    }
    if (grid_.position(offset) != first + i || node.chunk_bytes(i) == 0) {
      return {};
    }
    chunks.push_back({first + i, node.child(i), node.chunk_bytes(i), node.skipped(i)});
  }
  return chunks;
}

// Visits all leaves in order.
class ChunkTree::Walk {
 public:
  Walk(ChunkTree& tree, const StoredFile& file) : tree_(tree), file_(file) {}

  // Returns whether the chunks below the root are those of the grid.
  bool run(std::uint64_t root) {
    Node node(tree_.rank_);
    return node.read(file_, root, tree_.node_bytes_) && node.level() <= most_levels && enter(node, root) &&
           next_ == tree_.grid_.total();
  }

 private:
  bool enter(const Node& node, std::uint64_t address) {
    if (node.level() == 0) {
      const std::size_t found = tree_.leaf_chunks(node, next_).size();
      tree_.leaves_.push_back({address, next_});
      next_ += found;
      return found > 0;
    }
    Node child(tree_.rank_);
    for (std::size_t i = 0; i < node.count(); ++i) {
      const std::uint64_t below = file_.base() + node.child(i);
      if (!child.read(file_, below, tree_.node_bytes_) || child.level() + 1 != node.level() ||
          !enter(child, below)) {
        return false;
      }
    }
    return true;
  }

  ChunkTree& tree_;
  const StoredFile& file_;
  std::uint64_t next_ = 0;  // position
};

std::optional<ChunkTree> ChunkTree::of(const DatasetIndex& index, const StoredFile& file) {
  const ChunkStore& store = index.chunk_store.value();
  if (store.node_bytes > most_node_bytes || store.node_bytes < Node::bytes(index.shape.size(), 0)) {
    return std::nullopt;
  }
  ChunkTree tree(index, store.node_bytes);
  return Walk(tree, file).run(store.root) ? std::optional(std::move(tree)) : std::nullopt;
}

std::optional<ChunkTree::Found> ChunkTree::find(hid_t dataset, const DatasetIndex& index,
                                                const StoredFile& file, const Place& place) {
  const std::size_t rank = index.shape.size();
  const auto root = chunk_tree_address(dataset, rank, index.element.size(), file, place);
  if (!root) {
    return std::nullopt;
  }
  const Handle hdf5_file = own(H5Iget_file_id(dataset), H5Fclose, place, "read the file's properties");
  const Handle creation =
      own(H5Fget_create_plist(hdf5_file.get()), H5Pclose, place, "read the file's properties");
  unsigned half_children = 0;
  check(H5Pget_istore_k(creation.get(), &half_children), place, "read the file's properties");
  const std::size_t node_bytes = Node::bytes(rank, half_children);
  if (node_bytes > most_node_bytes) {
    return std::nullopt;
  }
  Node node(rank);
  std::uint64_t address = file.base() + *root;
  for (unsigned level = 0; level <= most_levels; ++level) {
    if (!node.read(file, address, node_bytes)) {
      return std::nullopt;
    }
    address = file.base() + node.child(0);
    if (node.level() == 0) {
      return Found{{file.base(), file.base() + *root, node_bytes, {}}, address};
    }
  }
  return std::nullopt;
}

std::vector<StoredChunk> ChunkTree::chunks(std::uint64_t first, std::uint64_t last, const StoredFile& file,
                                           const Place& place) const {
  std::vector<StoredChunk> chunks;
  auto leaf = std::upper_bound(leaves_.begin(), leaves_.end(), first,
                               [](std::uint64_t position, const Leaf& l) { return position < l.first; }) -
              1;
  Node node(rank_);
  for (; leaf != leaves_.end() && leaf->first <= last; ++leaf) {
    const std::uint64_t end = leaf + 1 == leaves_.end() ? grid_.total() : (leaf + 1)->first;
    std::vector<StoredChunk> here;
    if (node.read(file, leaf->address, node_bytes_) && node.level() == 0) {
      here = leaf_chunks(node, leaf->first);
    }
    if (here.size() != end - leaf->first) {
      throw InputError(place.file, place.object,
                       "its index of chunks is not as it was when opened: the file has become shorter, or is "
                       "being written");
    }
    for (StoredChunk& chunk : here) {
      if (chunk.position >= first && chunk.position <= last) {
        chunk.address += file.base();
        chunks.push_back(chunk);
      }
    }
  }
  return chunks;
}

}  // namespace collapscope::hdf5
