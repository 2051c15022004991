#include "races.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "arena.hpp"
#include "ledger.hpp"
#include "memory.hpp"
#include "streams.hpp"
#include "watch.hpp"

namespace fake_cuda {

namespace {

struct Past {
  Touch touch;
  std::string what;
  std::size_t stream;
  long time;  // of the clock of that stream
};

struct Book {
  Clock host;
  std::map<long, std::vector<Past>> past;  // by allocation
  std::set<std::string> reported;
};

Book& book() {
  static auto& instance = *new Book;
  return instance;
}

long at(const Clock& clock, std::size_t stream) { return stream < clock.size() ? clock[stream] : 0; }

void join(Clock& clock, const Clock& other) {
  clock.resize(std::max(clock.size(), other.size()));
  for (std::size_t i = 0; i < other.size(); ++i) {
    clock[i] = std::max(clock[i], other[i]);
  }
}

std::string name(const Item& item) { return item.what + " in " + name_of(*item.stream); }

// Whether both touch some byte for sure. Of pages it is known only that something in them was touched: they
// count where the other touch has all of a page.
bool collide(const Touch& a, const Touch& b, const Allocation& allocation) {
  const std::byte* begin = std::max(a.begin, b.begin);
  const std::byte* const end = std::min(a.end, b.end);
  if (begin >= end || (a.exact && b.exact)) {
    return begin < end;
  }
  if (begin != allocation.begin && begin != page_of(begin)) {
    begin = page_of(begin) + page;
  }
  const std::byte* const page_end =
      std::min<const std::byte*>(page_of(begin) + page, allocation.begin + allocation.size);
  return begin < page_end && page_end <= end;
}

void check_touch(const Item& item, const Touch& touch, const Allocation& allocation) {
  std::vector<Past>& past = book().past[allocation.id];
  const auto before = [&](const Past& p) { return p.time <= at(item.clock, p.stream); };
  for (const Past& p : past) {
    if ((p.touch.writes || touch.writes) && !before(p) && collide(p.touch, touch, allocation)) {
      const std::string text = name(item) + (touch.writes ? " writes, " : " reads, ") + p.what +
                               (p.touch.writes ? " writes " : " reads ") +
                               describe_address(std::max(touch.begin, p.touch.begin));
      if (book().reported.insert(text).second) {
        violation("race: %s", text.c_str());
      }
    }
  }
  // What any later conflict would find in this touch as well.
  past.erase(std::remove_if(past.begin(), past.end(),
                            [&](const Past& p) {
                              return touch.begin <= p.touch.begin && p.touch.end <= touch.end && before(p) &&
                                     (touch.writes || !p.touch.writes) && (touch.exact || !p.touch.exact);
                            }),
             past.end());
  past.push_back({touch, name(item), item.stream_index, at(item.clock, item.stream_index)});
}

}  // namespace

void set_clock(Item& item, const Item* before_in_stream, std::size_t stream) {
  item.stream_index = stream;
  item.clock = book().host;
  if (before_in_stream != nullptr) {
    join(item.clock, before_in_stream->clock);
  }
  for (const ItemPtr& earlier : item.after) {
    join(item.clock, earlier->clock);
  }
  item.clock.resize(std::max(item.clock.size(), stream + 1));
  ++item.clock[stream];
}

void host_waited_for(const Item& item) {
  join(book().host, item.clock);
  reopen_host_memory();
}

bool has_host_waited_for(const Clock& clock, std::size_t stream) {
  return at(clock, stream) <= at(book().host, stream);
}

void check_touches(const Item& item, const std::vector<Touch>& touches) {
  for (const Touch& touch : touches) {
    if (const Allocation* allocation = allocation_of(touch.begin)) {
      check_touch(item, touch, *allocation);
    }
  }
}

void forget_touches(long allocation) { book().past.erase(allocation); }

void forget_races() { book() = {}; }

}  // namespace fake_cuda
