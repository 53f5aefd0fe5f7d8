#include "io/xml.h"

#include <expat.h>

#include <algorithm>

#include "core/limits.h"

namespace muster {
namespace {

// expat scans a tag that is not whole yet from its beginning with every piece, so pieces are large:
// then a tag of the greatest length is scanned eight times.
constexpr size_t kPieceBytes = kXmlTagBytesMax / 8;

}  // namespace

struct XmlReader::Impl {
  explicit Impl(XmlHandler& to) : handler(to), parser(XML_ParserCreate(nullptr)) {
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, &Impl::on_start, &Impl::on_end);
    XML_SetCharacterDataHandler(parser, &Impl::on_text);
    XML_SetEntityDeclHandler(parser, &Impl::on_entity);
  }
  ~Impl() { XML_ParserFree(parser); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  static void on_start(void* user, const XML_Char* name, const XML_Char** attributes) {
    Impl& self = *static_cast<Impl*>(user);
    if (++self.depth > kXmlDepthMax) {
      return self.stop("elements are nested deeper than " + std::to_string(kXmlDepthMax));
    }
    XmlAttributes list;
    for (; attributes[0] != nullptr; attributes += 2)
      list.emplace_back(attributes[0], attributes[1]);
    self.handler.start_element(name, list);
  }
  static void on_end(void* user, const XML_Char* name) {
    Impl& self = *static_cast<Impl*>(user);
    --self.depth;
    self.handler.end_element(name);
  }
  static void on_text(void* user, const XML_Char* bytes, int length) {
    static_cast<Impl*>(user)->handler.text({bytes, static_cast<size_t>(length)});
  }
  static void on_entity(void* user, const XML_Char*, int, const XML_Char*, int, const XML_Char*,
                        const XML_Char*, const XML_Char*, const XML_Char*) {
    static_cast<Impl*>(user)->stop("declares an entity, which a report has no use for");
  }

  void stop(std::string why) {
    if (reason.empty()) reason = std::move(why);
    XML_StopParser(parser, XML_FALSE);
  }

  Result<Done> parse(std::string_view bytes, bool last) {
    const XML_Status status =
        XML_Parse(parser, bytes.data(), static_cast<int>(bytes.size()), last ? 1 : 0);
    fed += bytes.size();
    const auto line = static_cast<uint64_t>(XML_GetCurrentLineNumber(parser));
    const std::string where = "line " + std::to_string(line) + ": ";
    if (!reason.empty()) return Error{where + reason};
    if (status != XML_STATUS_OK) {
      return Error{where + XML_ErrorString(XML_GetErrorCode(parser))};
    }
    // Where the part begins that expat holds because it is not whole.
    const int64_t held_from = XML_GetCurrentByteIndex(parser);
    if (!last && held_from >= 0 && fed - static_cast<uint64_t>(held_from) > kXmlTagBytesMax) {
      return Error{where + "a tag is longer than " + std::to_string(kXmlTagBytesMax) + " bytes"};
    }
    return Done{};
  }

  XmlHandler& handler;
  XML_Parser parser;
  std::string reason;
  size_t depth = 0;
  uint64_t fed = 0;
};

XmlReader::XmlReader(XmlHandler& handler) : impl_(std::make_unique<Impl>(handler)) {}
XmlReader::~XmlReader() = default;

Result<Done> XmlReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPieceBytes);
    Result<Done> done = impl_->parse(piece, false);
    if (!done.ok()) return done;
    bytes.remove_prefix(piece.size());
  }
  return Done{};
}

Result<Done> XmlReader::finish() { return impl_->parse({}, true); }

uint64_t XmlReader::line() const {
  return static_cast<uint64_t>(XML_GetCurrentLineNumber(impl_->parser));
}

}  // namespace muster
