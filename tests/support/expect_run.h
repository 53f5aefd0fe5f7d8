// A muster command whose exit status a test knows beforehand.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/house.h"

namespace muster {

// Runs it to its end. Another status than `status` is a failure of the test, which shows what was
// said.
inline Ran expect_run(House& house, int status, const std::vector<std::string>& arguments) {
  Ran ran = house.muster(arguments);
  EXPECT_EQ(ran.status, status) << testing::PrintToString(arguments) << "\n"
                                << ran.out << ran.err << house.daemon_output();
  return ran;
}

}  // namespace muster
