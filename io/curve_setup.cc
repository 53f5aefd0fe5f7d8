#include "io/curve_setup.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "io/socket.h"

namespace muster {
namespace {

constexpr char kOrInsecure[] =
    "; or, where everybody on the network may do everything, say `insecure: true` in muster.yaml";

Result<KeyPair> own_key(const CurveNeeds& needs, const std::string& endpoint, bool listens) {
  if (::access(needs.key.c_str(), F_OK) == 0) return load_key_pair(needs.key);
  const std::string how =
      listens
          ? "muster up makes what this machine needs, and muster key new NAME a single one"
          : "make one with muster key new NAME, and have it allowed where the broker runs, with "
            "muster key allow";
  return Error{endpoint + " needs keys, and " + needs.who + " has none in " + needs.key + ": " +
               how + kOrInsecure};
}

Result<std::string> server_key(const CurveNeeds& needs) {
  if (!invalid_public_key(needs.server)) return needs.server;
  if (::access(needs.server.c_str(), F_OK) == 0) return load_public_key(needs.server);
  return Error{
      needs.dials + " needs the broker's public key, and there is none in " + needs.server +
      ": copy keys/broker.pub from the broker's home, or say the key in `keys: { server }`, "
      "--server-key or MUSTER_SERVER_KEY" +
      kOrInsecure};
}

}  // namespace

Result<CurveParts> open_curve(const Config& config, const CurveNeeds& needs) {
  const auto listened = std::find_if(needs.listens.begin(), needs.listens.end(), is_tcp);
  const bool listens = listened != needs.listens.end();
  const bool dials = is_tcp(needs.dials);
  CurveParts parts;
  if (!listens && !dials) return parts;
  if (config.insecure) {
    parts.insecure = true;
    return parts;
  }
  Result<KeyPair> own = own_key(needs, listens ? *listened : needs.dials, listens);
  if (!own) return Error{own.error()};
  Curve curve;
  curve.own = std::move(*own);
  if (dials) {
    Result<std::string> key = server_key(needs);
    if (!key) return Error{key.error()};
    curve.server_key = std::move(*key);
  }
  if (listens) {
    parts.gate = std::make_shared<KeyGate>(config.keys.allowed, needs.admits);
    if (const Result<Done> loaded = parts.gate->load(); !loaded) return Error{loaded.error()};
    curve.gate = parts.gate;
  }
  parts.curve = std::make_shared<const Curve>(std::move(curve));
  return parts;
}

std::string insecure_warning() {
  return "INSECURE: tcp:// endpoints are neither encrypted nor guarded (`insecure: true`): whoever "
         "reaches them may do everything. Make keys with muster key new, and take that line out";
}

}  // namespace muster
