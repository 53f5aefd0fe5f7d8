// What is really wrong with the devices: jobs break them now and then, repairs mend them.
#pragma once

#include <set>
#include <string>

namespace muster::sim {

class SimDevices {
 public:
  void break_one(const std::string& name) { broken_.insert(name); }
  void mend(const std::string& name) { broken_.erase(name); }
  void mend_all() { broken_.clear(); }
  bool broken(const std::string& name) const { return broken_.contains(name); }

 private:
  std::set<std::string> broken_;
};

}  // namespace muster::sim
