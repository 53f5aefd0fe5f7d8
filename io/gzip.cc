#include "io/gzip.h"

#include <zlib.h>

#include <cassert>
#include <limits>

namespace muster {
namespace {

constexpr int kWindowBitsOfGzip = 15 + 16;
constexpr int kMemoryLevel = 8;

}  // namespace

std::string gzip(std::string_view bytes) {
  assert(bytes.size() < std::numeric_limits<uInt>::max());
  z_stream stream{};
  int status = ::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kWindowBitsOfGzip, kMemoryLevel,
                              Z_DEFAULT_STRATEGY);
  assert(status == Z_OK);
  std::string out(::deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  // zlib does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  status = ::deflate(&stream, Z_FINISH);
  assert(status == Z_STREAM_END);
  static_cast<void>(status);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

}  // namespace muster
