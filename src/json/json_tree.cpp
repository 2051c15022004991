// The tree is built from the events of nlohmann's parser, which itself would let repeated keys pass.
#include "json/json_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {
namespace {

// Why and where parsing stopped.
struct Stop {
  std::size_t position = 0;
  std::string message;
};

class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::size_t kept_levels, std::size_t text_bytes)
      : kept_levels_(kept_levels), most_nodes_(few_nodes + text_bytes / bytes_per_node) {}

  bool null() override { return add({}); }
  bool boolean(bool flag) override { return add({flag}); }
  bool number_integer(std::int64_t number) override { return add({number}); }
  bool number_unsigned(std::uint64_t number) override {
    if (std::in_range<std::int64_t>(number)) return add({static_cast<std::int64_t>(number)});
    return add({number});
  }
  bool number_float(double number, const std::string& /*text*/) override { return add({number}); }
  bool string(std::string& text) override { return add({std::move(text)}); }
  bool binary(nlohmann::json::binary_t& /*bytes*/) override { return false; }  // not in JSON texts
  bool start_object(std::size_t /*members*/) override { return open({JsonObject{}}); }
  bool start_array(std::size_t /*nodes*/) override { return open({JsonArray{}}); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    std::get<JsonObject>(open_.back().value).push_back({std::move(name), {}});
    return true;
  }

  bool end_object() override {
    std::vector<std::string_view> names;
    for (const JsonMember& member : std::get<JsonObject>(open_.back().value)) names.push_back(member.key);
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    if (twice == names.end()) {
      if (open_.size() > kept_levels_) open_.back() = {JsonObject{}};
      return close();
    }
    stop_.message = fmt::format("the key '{}' twice in an object; expected each once", printable(*twice));
    return false;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    stop_.position = position;
    stop_.message = error.id == 406 ? "a number beyond what double can hold" : "no JSON";
    return false;
  }

  [[nodiscard]] JsonNode& root() { return root_; }
  [[nodiscard]] const Stop& stop() const { return stop_; }

 private:
  // A node takes some ten times the bytes of the shortest text that makes one.
  static constexpr std::size_t few_nodes = 100'000;
  static constexpr std::size_t bytes_per_node = 6;

  bool count() {
    if (++nodes_ <= most_nodes_) return true;
    stop_.message = fmt::format("more than {} values", most_nodes_);
    return false;
  }

  bool add(JsonNode node) {
    if (!count()) return false;
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.size() > kept_levels_) {
      return true;
    } else if (auto* array = std::get_if<JsonArray>(&open_.back().value)) {
      array->push_back(std::move(node));
    } else {
      std::get<JsonObject>(open_.back().value).back().node = std::move(node);
    }
    return true;
  }

  bool open(JsonNode node) {
    if (open_.size() == deepest_json) {
      stop_.message = fmt::format("more than {} levels of nesting", deepest_json);
      return false;
    }
    open_.push_back(std::move(node));
    return count();
  }

  bool close() {
    --nodes_;  // counted when it is added
    JsonNode node = std::move(open_.back());
    open_.pop_back();
    return add(std::move(node));
  }

  std::size_t kept_levels_;
  std::size_t most_nodes_;
  std::size_t nodes_ = 0;
  std::vector<JsonNode> open_;
  JsonNode root_;
  Stop stop_;
};

std::string line_and_column(std::string_view text, std::size_t position) {
  const std::string_view before = text.substr(0, std::min(position, text.size()));
  const std::size_t last_break = before.rfind('\n');
  return fmt::format("line {}, column {}", std::ranges::count(before, '\n') + 1,
                     last_break == std::string_view::npos ? before.size() : before.size() - last_break - 1);
}

}  // namespace

JsonNode parse_json_tree(std::string_view text, const std::string& file, std::size_t kept_levels) {
  TreeBuilder builder(kept_levels, text.size());
  if (nlohmann::json::sax_parse(text, &builder)) return std::move(builder.root());
  const Stop& stop = builder.stop();
  if (stop.position > text.size()) {
    throw InputError(file, "", "truncated: the file ends in the middle of its JSON text");
  }
  const std::string where = stop.position == 0 ? "" : line_and_column(text, stop.position);
  throw InputError(file, where,
                   "found " + stop.message + (stop.message == "no JSON" ? ", expected JSON" : ""));
}

}  // namespace collapscope
