// Errors that all ranks must know before they begin.
#include <fmt/format.h>

#include "collapscope/ranks/ranks.hpp"
#include "core/pack.hpp"

namespace collapscope {

namespace {

constexpr int word_tag = Ranks::last_tag - 1;

struct Word {
  std::string prefix;
  std::optional<std::string> error;
  std::vector<std::string> facts;
};

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Word>
void each_field(T& word, const Visit& visit) {
  visit("prefix", word.prefix);
  visit("error", word.error);
  visit("facts", word.facts);
}

// Of rank 0 and another.
std::optional<std::string> problem(const Word& mine, const Word& theirs) {
  if (theirs.error) {
    return theirs.prefix + *theirs.error;
  }
  for (std::size_t i = 0; i < mine.facts.size() && i < theirs.facts.size(); ++i) {
    if (mine.facts[i] != theirs.facts[i]) {
      return fmt::format("{}found '{}', but rank 0 found '{}'; expected the same on all", theirs.prefix,
                         theirs.facts[i], mine.facts[i]);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> common_error(Ranks& ranks, const std::optional<std::string>& error,
                                        const std::vector<std::string>& facts) {
  const Word mine{ranks.prefix(), error, facts};
  if (ranks.rank() != 0) {
    ranks.send(0, word_tag, packed(mine));
    return unpacked<std::optional<std::string>>(ranks.receive(0, word_tag));
  }
  std::optional<std::string> first = error;
  for (std::size_t other = 1; other < ranks.size(); ++other) {
    const Word theirs = unpacked<Word>(ranks.receive(other, word_tag));
    if (!first) {
      first = problem(mine, theirs);
    }
  }
  for (std::size_t other = 1; other < ranks.size(); ++other) {
    ranks.send(other, word_tag, packed(first));
  }
  return first;
}

}  // namespace collapscope
