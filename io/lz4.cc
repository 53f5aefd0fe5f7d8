#include "io/lz4.h"

#include <lz4frame.h>

#include <cassert>
#include <memory>

namespace muster {
namespace {

// Quicker than the default by a half, and packs as small.
constexpr int kLevel = -2;

constexpr std::string_view kMagic = "\x04\x22\x4d\x18";

struct FreeContext {
  void operator()(LZ4F_dctx* context) const { ::LZ4F_freeDecompressionContext(context); }
};

Error damaged(size_t code) { return Error{std::string("LZ4: ") + ::LZ4F_getErrorName(code)}; }

}  // namespace

bool is_lz4(std::string_view bytes) { return bytes.starts_with(kMagic); }

std::string_view pack_lz4(std::string_view bytes, std::string& room) {
  LZ4F_preferences_t how = LZ4F_INIT_PREFERENCES;
  how.frameInfo.blockSizeID = LZ4F_max4MB;
  how.frameInfo.contentSize = bytes.size();
  // Of what was packed: half as long as what was to be, and any other damage shows by itself.
  how.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
  how.compressionLevel = kLevel;
  const size_t bound = ::LZ4F_compressFrameBound(bytes.size(), &how);
  if (room.size() < bound) room.resize(bound);
  const size_t size =
      ::LZ4F_compressFrame(room.data(), room.size(), bytes.data(), bytes.size(), &how);
  assert(!::LZ4F_isError(size));  // there is room enough
  return std::string_view(room).substr(0, size);
}

Result<std::string> unpack_lz4(std::string_view frame, size_t bytes_max) {
  LZ4F_dctx* made = nullptr;
  if (const size_t code = ::LZ4F_createDecompressionContext(&made, LZ4F_VERSION);
      ::LZ4F_isError(code)) {
    return damaged(code);
  }
  const std::unique_ptr<LZ4F_dctx, FreeContext> context(made);
  LZ4F_frameInfo_t info = LZ4F_INIT_FRAMEINFO;
  size_t taken = frame.size();
  size_t left = ::LZ4F_getFrameInfo(context.get(), &info, frame.data(), &taken);
  if (::LZ4F_isError(left)) return damaged(left);
  if (info.contentSize > bytes_max) {
    return Error{"LZ4: it would hold " + std::to_string(info.contentSize) + " bytes, at most " +
                 std::to_string(bytes_max) + " are allowed"};
  }
  std::string bytes(info.contentSize, '\0');
  size_t size = bytes.size();
  size_t rest = frame.size() - taken;
  left =
      ::LZ4F_decompress(context.get(), bytes.data(), &size, frame.data() + taken, &rest, nullptr);
  if (::LZ4F_isError(left)) return damaged(left);
  const bool is_whole = left == 0 && size == bytes.size() && taken + rest == frame.size();
  if (!is_whole) return Error{"LZ4: it is not as long as it says"};
  return bytes;
}

}  // namespace muster
