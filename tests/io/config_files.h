// A home whose muster.yaml says what a test wants it to say.
#pragma once

#include <string>

#include "io/config.h"
#include "tests/io/scratch.h"

namespace muster {

class ConfigFiles : public ScratchFiles {
 protected:
  ConfigFile load(const std::string& text) const {
    write("muster.yaml", text);
    return load_config(Home{dir()});
  }
};

}  // namespace muster
