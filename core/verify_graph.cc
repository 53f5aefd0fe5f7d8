#include "core/verify_graph.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

namespace muster {
namespace {

enum class Mark : uint8_t {
  unseen,
  open,  // on the path that is being walked
  done,  // it and all its dependencies are in the order
};

struct Step {
  size_t node = 0;
  size_t next = 0;  // index into its dependencies
};

struct Walk {
  explicit Walk(size_t size) : marks(size, Mark::unseen) { order.reserve(size); }

  std::vector<Mark> marks;
  std::vector<size_t> order;
  std::vector<Step> path;
};

// Visits what `start` depends on, then `start`. Calls on_back_edge(dep) when the last node of
// walk->path depends on `dep`, which is on the path as well.
template <typename OnBackEdge>
void walk_from(size_t start, const std::vector<std::vector<size_t>>& deps, Walk* walk,
               OnBackEdge on_back_edge) {
  const auto enter = [&](size_t node) {
    walk->marks[node] = Mark::open;
    walk->path.push_back({node, 0});
  };
  if (walk->marks[start] == Mark::unseen) enter(start);
  while (!walk->path.empty()) {
    Step& step = walk->path.back();
    if (step.next == deps[step.node].size()) {
      walk->marks[step.node] = Mark::done;
      walk->order.push_back(step.node);
      walk->path.pop_back();
      continue;
    }
    const size_t dep = deps[step.node][step.next++];
    if (walk->marks[dep] == Mark::unseen) {
      enter(dep);
    } else if (walk->marks[dep] == Mark::open) {
      on_back_edge(dep);
    }
  }
}

}  // namespace

std::map<std::string_view, size_t> index_verifiers(const Strategy& strategy) {
  std::map<std::string_view, size_t> index_of;
  for (size_t i = 0; i < strategy.verifiers.size(); ++i) {
    index_of.emplace(strategy.verifiers[i].tag, i);
  }
  return index_of;
}

void append_reached(const std::vector<size_t>& targets,
                    const std::vector<std::vector<size_t>>& deps, std::vector<bool>* seen,
                    std::vector<size_t>* order) {
  std::vector<Step> path;
  const auto enter = [&](size_t node) {
    if ((*seen)[node]) return;
    (*seen)[node] = true;
    path.push_back({node, 0});
  };
  for (size_t target : targets) {
    enter(target);
    while (!path.empty()) {
      Step& step = path.back();
      if (step.next < deps[step.node].size()) {
        enter(deps[step.node][step.next++]);
      } else {
        order->push_back(step.node);
        path.pop_back();
      }
    }
  }
}

std::vector<std::vector<size_t>> resolve_deps(const Strategy& strategy) {
  const size_t size = strategy.verifiers.size();
  const std::map<std::string_view, size_t> index_of = index_verifiers(strategy);
  std::vector<std::vector<size_t>> deps(size);
  std::vector<size_t> last_named_by(size, size);
  for (size_t i = 0; i < size; ++i) {
    for (const std::string& tag : strategy.verifiers[i].deps) {
      const std::map<std::string_view, size_t>::const_iterator found = index_of.find(tag);
      if (found == index_of.end() || std::exchange(last_named_by[found->second], i) == i) continue;
      deps[i].push_back(found->second);
    }
  }
  return deps;
}

VerifyGraph make_verify_graph(const Strategy& strategy) {
  VerifyGraph graph;
  graph.deps = resolve_deps(strategy);
  std::vector<bool> needed(graph.deps.size(), false);
  for (const std::vector<size_t>& deps : graph.deps) {
    for (size_t dep : deps) needed[dep] = true;
  }
  Walk walk(graph.deps.size());
  for (size_t i = 0; i < graph.deps.size(); ++i) {
    if (needed[i]) continue;
    graph.roots.push_back(i);
    walk_from(i, graph.deps, &walk, [](size_t) { assert(!"the strategy has a cycle"); });
  }
  assert(walk.order.size() == graph.deps.size() && "the strategy has a cycle");
  graph.order = std::move(walk.order);
  return graph;
}

std::vector<std::vector<size_t>> find_cycles(const std::vector<std::vector<size_t>>& deps,
                                             size_t count_max) {
  std::vector<std::vector<size_t>> cycles;
  Walk walk(deps.size());
  for (size_t i = 0; i < deps.size() && cycles.size() < count_max; ++i) {
    walk_from(i, deps, &walk, [&](size_t dep) {
      if (cycles.size() == count_max) return;
      const std::vector<Step>::iterator begin = std::find_if(
          walk.path.begin(), walk.path.end(), [&](const Step& step) { return step.node == dep; });
      std::vector<size_t> cycle;
      std::transform(begin, walk.path.end(), std::back_inserter(cycle),
                     [](const Step& step) { return step.node; });
      cycle.push_back(dep);
      cycles.push_back(std::move(cycle));
    });
  }
  return cycles;
}

}  // namespace muster
