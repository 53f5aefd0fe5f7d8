#include "workers/checks/ping.h"

namespace muster {

std::vector<std::string> ping_command(const PingCheck& check) {
  // Two seconds for the answer to the last request; names are not looked up backwards.
  return {"ping", "-n", "-q", "-c", std::to_string(check.count), "-W", "2", "--", check.host};
}

}  // namespace muster
