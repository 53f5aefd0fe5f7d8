#include <capnp/pretty-print.h>

#include "io/codec.h"
#include "io/codec_common.h"
#include "schemas/event.capnp.h"
#include "schemas/report.capnp.h"
#include "schemas/strategy.capnp.h"
#include "schemas/wire.capnp.h"
#include "schemas/work.capnp.h"

namespace muster {
namespace wire {

// An unsound frame may be found out only while it is printed.
template <typename Root>
static std::string dump(std::string_view frame) {
  std::string text;
  const auto problem =
      decode_frame<Root>(frame, kMessageBytesMax, [&](Reading&, typename Root::Reader root) {
        const kj::String pretty = capnp::prettyPrint(root).flatten();
        text.assign(pretty.begin(), pretty.size());
      });
  return (problem ? "(" + *problem + ")" : text) + "\n";
}

}  // namespace wire

std::string dump_message(std::string_view frame) { return wire::dump<wire::Envelope>(frame); }
std::string dump_block(std::string_view bytes) { return wire::dump<wire::Block>(bytes); }
std::string dump_work(std::string_view bytes) { return wire::dump<wire::Work>(bytes); }
std::string dump_strategy(std::string_view bytes) { return wire::dump<wire::Strategy>(bytes); }
std::string dump_report(std::string_view bytes) { return wire::dump<wire::Report>(bytes); }

}  // namespace muster
