// Tells the broker the lines of the collector's own log that are to become events, from a thread
// and a connection of its own.
#pragma once

#include <string>
#include <thread>

#include "collectors/stop.h"
#include "io/log_events.h"
#include "io/socket.h"

namespace muster {

class LogFeed {
 public:
  // Begins at once; ends when `stop` is raised, and the destructor waits for that. What is given
  // outlives it.
  LogFeed(SocketContext& sockets, std::string endpoint, LogEvents& events, const Stop& stop);
  LogFeed(const LogFeed&) = delete;
  LogFeed& operator=(const LogFeed&) = delete;

 private:
  void run();
  bool tell();

  std::string endpoint_;
  LogEvents& events_;
  const Stop& stop_;
  SocketContext& sockets_;
  std::jthread thread_;
};

}  // namespace muster
