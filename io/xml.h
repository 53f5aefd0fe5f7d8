// XML piece by piece: only io/xml.cc includes expat. Nothing that a document says makes it read
// anything else, and it may not declare entities.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace muster {

using XmlAttributes = std::vector<std::pair<std::string_view, std::string_view>>;

class XmlHandler {
 public:
  virtual ~XmlHandler() = default;
  virtual void start_element(std::string_view name, const XmlAttributes& attributes) = 0;
  virtual void end_element(std::string_view name) = 0;
  // A part of an element's text, in pieces of any size.
  virtual void text(std::string_view bytes) = 0;
};

class XmlReader {
 public:
  explicit XmlReader(XmlHandler& handler);
  ~XmlReader();

  // Errors say the line. Refused: what is not well-formed, a tag, comment or instruction of more
  // than kXmlTagBytesMax, elements deeper than kXmlDepthMax, and declarations of entities.
  Result<Done> feed(std::string_view bytes);
  Result<Done> finish();

  // Where the reader is, from 1: in a call of the handler, the line of what it is told.
  uint64_t line() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster
