#include "core/check_cache.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/selector.h"

namespace muster {
namespace {

Record verify_record(std::string_view status, std::string_view tag, std::string message) {
  Record record;
  record.status = status;
  record.operation.reserve(tag.size() + 7);
  record.operation.append("verify.").append(tag);
  record.message = std::move(message);
  return record;
}

}  // namespace

CheckCache::CheckCache(const Strategy& strategy, const Profile& profile, std::string_view level)
    : strategy_(strategy),
      graph_(make_verify_graph(strategy)),
      deps_(graph_.deps),
      dependants_(strategy.verifiers.size() + 1),
      nodes_(strategy.verifiers.size() + 1) {
  for (size_t i = 0; i < strategy.verifiers.size(); ++i) {
    const std::string& when = strategy.verifiers[i].when;
    nodes_[i].applies = when.empty() || Selector::parse(when).value().matches(profile);
  }
  find_scope(level);
  for (size_t node = 0; node < deps_.size(); ++node) {
    for (size_t dep : deps_[node]) dependants_[dep].push_back(node);
  }
}

void CheckCache::find_scope(std::string_view level) {
  std::vector<size_t> members;
  for (size_t i = 0; i < strategy_.verifiers.size(); ++i) {
    const std::vector<std::string>& levels = strategy_.verifiers[i].levels;
    if (std::find(levels.begin(), levels.end(), level) != levels.end()) members.push_back(i);
  }
  std::vector<size_t> tops = graph_.roots;
  if (!level.empty() && !members.empty()) {
    const std::vector<size_t> all = reached(members);
    std::vector<bool> needed(nodes_.size(), false);
    for (size_t node : all) {
      for (size_t dep : deps_[node]) needed[dep] = true;
    }
    tops.clear();
    for (size_t member : members) {
      if (!needed[member]) tops.push_back(member);
    }
  }
  scope_ = reached(tops);
  for (size_t node : scope_) nodes_[node].in_scope = true;
  nodes_[root()].in_scope = true;
  deps_.push_back(std::move(tops));
}

std::vector<size_t> CheckCache::reached(const std::vector<size_t>& targets) const {
  std::vector<bool> seen(nodes_.size(), false);
  std::vector<size_t> order;
  append_reached(targets, deps_, &seen, &order);
  return order;
}

void CheckCache::check(const std::vector<size_t>& targets) {
  assert(!walking());
  ++walks_;
  walk_.clear();
  released_ = 0;
  std::vector<bool> seen(nodes_.size());
  for (size_t node = 0; node < nodes_.size(); ++node) seen[node] = standing(node) != Standing::open;
  append_reached(targets, deps_, &seen, &walk_);
  std::vector<size_t> first;
  for (size_t position = 0; position < walk_.size(); ++position) {
    const size_t index = walk_[position];
    Node& node = nodes_[index];
    node.walk = walks_;
    node.position = position;
    node.deps_open = static_cast<size_t>(
        std::count_if(deps_[index].begin(), deps_[index].end(),
                      [&](size_t dep) { return standing(dep) == Standing::open; }));
    if (node.deps_open == 0) first.push_back(index);
  }
  for (size_t node : first) judge(node);
  release();
}

std::vector<size_t> CheckCache::next(uint32_t parallel_max) {
  std::vector<size_t> started;
  while (running_ < std::max(parallel_max, 1u) && !ready_.empty()) {
    const size_t verifier = walk_[ready_.top()];
    ready_.pop();
    nodes_[verifier].running = true;
    ++running_;
    started.push_back(verifier);
  }
  return started;
}

void CheckCache::finish(size_t verifier, StepOutcome outcome) {
  assert(verifier < root() && nodes_[verifier].running);
  Node& node = nodes_[verifier];
  node.running = false;
  --running_;
  if (!walking()) return;  // abandoned
  node.known = outcome.passed ? Known::passed : Known::failed;
  node.outcome = std::move(outcome);
  node.checked_at = actions_;
  node.has_record = true;
  settle(verifier, node.known == Known::passed ? Standing::good : Standing::failed);
  release();
}

void CheckCache::abandon() {
  ready_ = {};
  for (size_t position = released_; position < walk_.size(); ++position) {
    const Node& node = nodes_[walk_[position]];
    if (node.has_record && walk_[position] != root()) release_one(walk_[position]);
  }
  walk_.clear();
  released_ = 0;
}

void CheckCache::judge(size_t first) {
  const Standing now = judge_one(first);
  if (now == Standing::open) {
    ready_.push(nodes_[first].position);
  } else {
    settle(first, now);
  }
}

Standing CheckCache::judge_one(size_t index) {
  Node& node = nodes_[index];
  for (size_t dep : deps_[index]) {
    const Standing of_dep = standing(dep);
    if (of_dep == Standing::good) continue;
    node.blocker = of_dep == Standing::failed ? dep : nodes_[dep].blocker;
    return Standing::blocked;
  }
  if (node.known == Known::passed) return Standing::good;
  if (node.known == Known::failed) return Standing::failed;
  if (index == root()) {
    node.known = Known::passed;
    node.checked_at = actions_;
    node.has_record = true;
    return Standing::good;
  }
  return node.applies ? Standing::open : Standing::good;
}

void CheckCache::settle(size_t first, Standing first_standing) {
  const auto note = [&](size_t node, Standing standing) {
    nodes_[node].standing = standing;
    nodes_[node].age = age_;
    judging_.push_back(node);
  };
  note(first, first_standing);
  while (!judging_.empty()) {
    const size_t ended = judging_.back();
    judging_.pop_back();
    for (size_t dependant : dependants_[ended]) {
      Node& node = nodes_[dependant];
      if (node.walk != walks_ || --node.deps_open > 0) continue;
      const Standing now = judge_one(dependant);
      if (now == Standing::open) {
        ready_.push(node.position);
      } else {
        note(dependant, now);
      }
    }
  }
}

void CheckCache::release() {
  while (walking() && standing(walk_[released_]) != Standing::open) release_one(walk_[released_++]);
}

void CheckCache::release_one(size_t index) {
  Node& node = nodes_[index];
  if (index != root()) released_nodes_.push_back(index);
  if (!std::exchange(node.has_record, false)) return;
  if (index == root()) {
    records_.push_back(verify_record("GOOD", kRootTag, ""));
  } else if (node.known == Known::passed) {
    records_.push_back(verify_record("GOOD", strategy_.verifiers[index].tag, ""));
  } else {
    records_.push_back(verify_record("FAIL", strategy_.verifiers[index].tag, node.outcome.message));
  }
}

Standing CheckCache::standing(size_t node) const {
  return nodes_[node].age == age_ ? nodes_[node].standing : Standing::open;
}

bool CheckCache::all_good(const std::vector<size_t>& targets) const {
  return std::all_of(targets.begin(), targets.end(),
                     [&](size_t node) { return standing(node) == Standing::good; });
}

std::vector<size_t> CheckCache::original_failures(const std::vector<size_t>& targets) const {
  std::vector<bool> sick(nodes_.size(), false);
  std::vector<size_t> failures;
  for (size_t node : reached(targets)) {
    sick[node] =
        std::any_of(deps_[node].begin(), deps_[node].end(), [&](size_t dep) { return sick[dep]; });
    if (sick[node] || nodes_[node].known != Known::failed) continue;
    sick[node] = true;
    failures.push_back(node);
  }
  std::sort(failures.begin(), failures.end());
  return failures;
}

void CheckCache::clear(const std::vector<size_t>& targets) {
  assert(!walking());
  for (size_t node : reached(targets)) nodes_[node].known = Known::nothing;
  ++age_;
}

void CheckCache::touch(const std::vector<size_t>& targets) {
  ++actions_;
  std::vector<size_t> touched = reached(targets);
  for (size_t node : touched) nodes_[node].touched_at = actions_;
  while (!touched.empty()) {
    const size_t node = touched.back();
    touched.pop_back();
    for (size_t dependant : dependants_[node]) {
      if (std::exchange(nodes_[dependant].touched_at, actions_) == actions_) continue;
      touched.push_back(dependant);
    }
  }
}

bool CheckCache::clear_stale() {
  assert(!walking());
  bool found = false;
  for (Node& node : nodes_) {
    const bool failed_before = node.known == Known::failed && node.checked_at < actions_;
    const bool stale = node.checked_at < node.touched_at || failed_before;
    if (node.known == Known::nothing || !stale) continue;
    node.known = Known::nothing;
    found = true;
  }
  if (!found) return false;
  nodes_[root()].known = Known::nothing;
  ++age_;
  return true;
}

std::vector<Record> CheckCache::take_records() { return std::exchange(records_, {}); }

std::vector<size_t> CheckCache::take_released() { return std::exchange(released_nodes_, {}); }

}  // namespace muster
