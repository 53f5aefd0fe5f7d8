// The dependencies of a strategy's verifiers as a graph over their indexes. All walks are iterative
// and take time in proportion to verifiers and dependencies.
#pragma once

#include <cstddef>
#include <map>
#include <string_view>
#include <vector>

#include "core/strategy.h"

namespace muster {

struct VerifyGraph {
  std::vector<std::vector<size_t>> deps;  // of each verifier, in listed order, without repeats
  std::vector<size_t>
      roots;  // verifiers nobody depends on, in declared order: what PASS depends on
  std::vector<size_t> order;  // depth-first from the roots, dependencies before dependants
};

// `strategy` must be checked.
VerifyGraph make_verify_graph(const Strategy& strategy);

// Dependencies by index, also of a strategy that is not checked: unknown tags are left out, and a
// tag that several verifiers have means the first.
std::vector<std::vector<size_t>> resolve_deps(const Strategy& strategy);

// The verifiers by tag; of several with one tag the first.
std::map<std::string_view, size_t> index_verifiers(const Strategy& strategy);

// Depth-first from `targets`, dependencies first: appends to `order` every node that is reached and
// not in `seen`, and marks it there. Nodes in `seen` are not walked through. There is no cycle.
void append_reached(const std::vector<size_t>& targets,
                    const std::vector<std::vector<size_t>>& deps, std::vector<bool>* seen,
                    std::vector<size_t>* order);

// Ways from a verifier back to itself, each once, which begin and end with the same index: without
// the last steps of all of them there would be no cycle. At most `count_max`.
std::vector<std::vector<size_t>> find_cycles(const std::vector<std::vector<size_t>>& deps,
                                             size_t count_max);

}  // namespace muster
