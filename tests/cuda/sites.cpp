#include "cuda/sites.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <set>
#include <string_view>

namespace collapscope::test {

bool wants_all() {
  const char* chosen = std::getenv("COLLAPSCOPE_TEST_ALL");
  return chosen != nullptr && std::string_view(chosen) == "1";
}

std::string name_of_site(const std::string& site) { return site.substr(0, site.rfind(" @ ")); }

std::vector<long> some_of_every_site(const std::vector<std::string>& sites, bool ends) {
  std::map<std::string, std::vector<long>> calls;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    calls[sites[i]].push_back(static_cast<long>(i) + 1);
  }
  std::set<long> chosen;
  for (const auto& [site, numbers] : calls) {
    if (wants_all()) {
      chosen.insert(numbers.begin(), numbers.end());
      continue;
    }
    chosen.insert(numbers[numbers.size() / 2]);
    if (ends) {
      chosen.insert({numbers.front(), numbers.back()});
    }
  }
  return {chosen.begin(), chosen.end()};
}

void expect_every_site(const std::vector<std::string>& sites, const std::vector<long>& numbers,
                       const std::string& what) {
  std::set<std::string> all(sites.begin(), sites.end());
  std::set<std::string> names;
  for (const std::string& site : all) {
    names.insert(name_of_site(site));
  }
  const std::size_t places = all.size();
  const std::size_t functions = names.size();
  for (const long n : numbers) {
    all.erase(sites.at(static_cast<std::size_t>(n) - 1));
    names.erase(name_of_site(sites.at(static_cast<std::size_t>(n) - 1)));
  }
  EXPECT_TRUE(all.empty()) << *all.begin() << " never failed";
  EXPECT_TRUE(names.empty()) << *names.begin() << " never failed";
  std::cout << what << ": " << numbers.size() << " of " << sites.size() << ", from all of " << places
            << " places, of " << functions << " functions" << std::endl;
}

}  // namespace collapscope::test
