// What is served below /api/v1: a table of methods, paths and handlers.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/http_answers.h"
#include "collectors/http_server.h"

namespace muster {

inline constexpr std::string_view kApiPath = "/api/";

struct ApiRoute : HttpRoute {
  // `parameters` are what the parts in braces of the path hold, decoded and UTF-8.
  using Handler =
      std::function<HttpAnswer(const HttpCall& call, const std::vector<std::string>& parameters)>;

  Handler handler;
};

class ApiRoutes {
 public:
  void add(std::string method, std::string path, std::vector<std::string> words,
           ApiRoute::Handler handler);

  // In any thread, once nothing is added any more. 404 for a path that is none, 405 for a method
  // that it has not, 400 for what is no text and for a word of the query that it does not take.
  HttpAnswer answer(const HttpCall& call) const;

  const std::vector<ApiRoute>& routes() const { return routes_; }

 private:
  std::vector<ApiRoute> routes_;
};

}  // namespace muster
