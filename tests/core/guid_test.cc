#include "core/guid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/limits.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

std::string repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Guid, Valid) {
  const std::vector<std::string> rows = {
      "0123456789",
      "http://ci.example.org/job/42?run=3&x=%20",
      "with blanks inside",
      "018f3c5e-7b1a-7c3d-9e4f-0123456789ab",
      std::string(kGuidLengthMin, 'x'),
      std::string(kGuidLengthMax, 'x'),
      repeat("\xF0\x9F\x98\x80", kGuidLengthMin),  // characters are counted, not bytes
      repeat("\xF0\x9F\x98\x80", kGuidLengthMax),
      "Gr\xC3\xBC\xC3\x9F"
      "e aus Lund",
      "\xEE\x80\x80 private use",
      "\xF4\x8F\xBF\xBD the last plane",
  };
  for (const std::string& guid : rows) EXPECT_EQ(invalid_guid(guid), std::nullopt) << guid;
}

struct BadGuidRow {
  std::string guid;
  const char* why;
};

TEST(Guid, Invalid) {
  const std::string tail = "0123456789";
  const std::vector<BadGuidRow> rows = {
      {"", "has 0 characters"},
      {std::string(kGuidLengthMin - 1, 'x'), "has 9 characters"},
      {repeat("\xC3\xA5", kGuidLengthMin - 1), "has 9 characters"},
      {std::string(kGuidLengthMax + 1, 'x'), "has 257 characters"},
      {repeat("\xF0\x9F\x98\x80", kGuidLengthMax + 1), "is longer than 256"},
      {std::string(10 << 20, 'x'), "is longer than 256"},
      {"\x80" + tail, "UTF-8 at byte 1"},               // a continuation alone
      {tail + "\xC3", "UTF-8 at byte 11"},              // cut
      {tail + "\xC3(" + tail, "UTF-8 at byte 11"},      // not continued
      {tail + "\xC0\xAF" + tail, "UTF-8"},              // overlong /
      {tail + "\xC1\xBF" + tail, "UTF-8"},              // overlong, two bytes
      {tail + "\xE0\x9F\xBF" + tail, "UTF-8"},          // overlong, three bytes
      {tail + "\xF0\x8F\xBF\xBF" + tail, "UTF-8"},      // overlong, four bytes
      {tail + "\xED\xA0\x80" + tail, "UTF-8"},          // high surrogate
      {tail + "\xED\xBF\xBF" + tail, "UTF-8"},          // low surrogate
      {tail + "\xF4\x90\x80\x80" + tail, "UTF-8"},      // beyond U+10FFFF
      {tail + "\xF8\x88\x80\x80\x80" + tail, "UTF-8"},  // five bytes
      {tail + "\xFF" + tail, "UTF-8"},
      {std::string("nul \0 inside it", 15), "control character at byte 5"},
      {"tab\tinside it", "control character"},
      {"line\nbreak inside", "control character"},
      {"escape \x1b[31m red", "control character"},
      {"delete \x7f inside", "control character"},
      {"C1 \xC2\x85 next line", "control character"},
      {"C1 \xC2\x9F the last", "control character"},
      {"line \xE2\x80\xA8 separator", "line separator"},
      {"paragraph \xE2\x80\xA9 separator", "line separator"},
      {"bidi \xE2\x80\xAE override", "text direction"},
      {"bidi \xE2\x81\xA6 isolate", "text direction"},
      {"bidi \xE2\x80\x8F mark", "text direction"},
      {"bidi \xD8\x9C letter mark", "text direction"},
      {" " + tail, "begins with a blank"},
      {tail + " ", "ends with a blank"},
      {"\xC2\xA0" + tail, "begins with a blank"},
      {tail + "\xE3\x80\x80", "ends with a blank"},
      {std::string(20, ' '), "blank"},
  };
  for (const BadGuidRow& row : rows) {
    const std::optional<std::string> why = invalid_guid(row.guid);
    ASSERT_TRUE(why.has_value()) << row.guid.substr(0, 300);
    EXPECT_THAT(*why, HasSubstr(row.why));
    EXPECT_TRUE(is_utf8(*why));
    EXPECT_LT(why->size(), 300u);
    EXPECT_EQ(why->find_first_of(std::string("\0\n\t\x1b\x7f", 5)), std::string::npos);
  }
}

TEST(Uuid, HasTheFieldsOfRfc9562) {
  // The example of RFC 9562, appendix A.6: 2022-02-22T19:22:22.00Z.
  const std::array<uint8_t, 10> random = {0x0C, 0xC3, 0x18, 0xC4, 0xDC,
                                          0x0C, 0x0C, 0x07, 0x39, 0x8F};
  EXPECT_EQ(make_uuid_v7(from_us(0x017F22E279B0 * 1000), random),
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(Uuid, SetsVersionAndVariantWhateverTheRandomBytes) {
  std::array<uint8_t, 10> ones;
  ones.fill(0xFF);
  const std::string high = make_uuid_v7(from_us(1'500'000'000'123'456), ones);
  const std::string low = make_uuid_v7(from_us(1'500'000'000'123'456), {});
  EXPECT_EQ(high.substr(13), "-7fff-bfff-ffffffffffff");
  EXPECT_EQ(low.substr(13), "-7000-8000-000000000000");
  EXPECT_EQ(high.substr(0, 13), low.substr(0, 13));
  EXPECT_EQ(invalid_guid(high), std::nullopt);
  EXPECT_EQ(percent_encode(high), high);
  EXPECT_LT(make_uuid_v7(from_us(1'500'000'000'123'000), ones),
            make_uuid_v7(from_us(1'500'000'000'124'000), {}));
}

struct EncodeRow {
  std::string text;
  const char* encoded;
};

TEST(Percent, EncodesOneSegmentAndBack) {
  const std::vector<EncodeRow> rows = {
      {"plain-Name_1.0", "plain-Name_1.0"},
      {"http://a/b?c", "http%3A%2F%2Fa%2Fb%3Fc"},
      {".", "%2E"},
      {"..", "%2E%2E"},
      {"...", "..."},
      {"../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"},
      {"a b", "a%20b"},
      {"~", "%7E"},
      {"%41", "%2541"},
      {std::string("\0\n\xFF", 3), "%00%0A%FF"},
      {"\xC3\xA5", "%C3%A5"},
      {"", ""},
  };
  for (const EncodeRow& row : rows) {
    EXPECT_EQ(percent_encode(row.text), row.encoded);
    EXPECT_EQ(percent_decode(row.encoded), row.text);
  }
}

TEST(Percent, RefusesWhatItDoesNotWrite) {
  for (const char* text : {"%", "%4", "%zz", "a%", "%2f", "%41", "a/b", "~", ".", "..", " ",
                           "\xC3\xA5", "%%20", "a~0123456789abcdef"}) {
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
  }
}

TEST(Percent, CutsWhatIsLongAndKeepsItUnique) {
  const std::string fits(200, 'a');
  EXPECT_EQ(percent_encode(fits), fits);
  std::set<std::string> seen;
  for (size_t plain = 0; plain < 6; ++plain) {
    for (char last : {'x', 'y'}) {
      const std::string text = std::string(plain, 'a') + std::string(300, '/') + last;
      const std::string encoded = percent_encode(text);
      EXPECT_LE(encoded.size(), 200u);
      EXPECT_GE(encoded.size(), 198u);
      const std::string kept = encoded.substr(0, encoded.size() - 17);
      EXPECT_TRUE(percent_decode(kept).has_value()) << "cut inside a %XX: " << kept;
      EXPECT_EQ(encoded[encoded.size() - 17], '~');
      EXPECT_TRUE(seen.insert(encoded).second);
      EXPECT_EQ(percent_decode(encoded), std::nullopt);
    }
  }
  EXPECT_EQ(percent_encode(std::string(201, 'a')).size(), 200u);
}

TEST(Names, Valid) {
  for (const char* name : {"a", "phone-1", "A.b_c-9", "_x", "0"}) {
    EXPECT_EQ(invalid_name(name, "device"), std::nullopt) << name;
  }
  EXPECT_EQ(invalid_name(std::string(kNameLengthMax, 'n'), "device"), std::nullopt);
}

TEST(Names, Invalid) {
  const std::vector<BadGuidRow> rows = {
      {"", "device name is empty"},
      {std::string(kNameLengthMax + 1, 'n'), "has 129 bytes"},
      {"a b", "not allowed at position 2"},
      {"a/b", "not allowed at position 2"},
      {"\xC3\xA5ngstr\xC3\xB6m", "not allowed at position 1"},
      {std::string("a\0", 2), "not allowed at position 2"},
      {"a\n", "not allowed at position 2"},
      {".", "begins with \".\""},
      {"..", "begins with \".\""},
      {".hidden", "begins with \".\""},
      {"-flag", "begins with \"-\""},
      {"\xFF", "not allowed"},
  };
  for (const BadGuidRow& row : rows) {
    const std::optional<std::string> why = invalid_name(row.guid, "device");
    ASSERT_TRUE(why.has_value()) << row.guid;
    EXPECT_THAT(*why, HasSubstr(row.why));
    EXPECT_TRUE(is_utf8(*why));
  }
}

TEST(Text, SanitizeReplacesEveryIllFormedByte) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(sanitize_utf8("plain \xC3\xA5"), "plain \xC3\xA5");
  EXPECT_EQ(sanitize_utf8("a\xFF"
                          "b"),
            "a" + mark + "b");
  EXPECT_EQ(sanitize_utf8("0123456789\xFF"
                          "0123456789\xC3\xA5"
                          "012345678\xC3"),
            "0123456789" + mark + "0123456789\xC3\xA5" + "012345678" + mark);
  EXPECT_EQ(sanitize_utf8("\xE2\x82"), mark + mark);
  EXPECT_EQ(sanitize_utf8("\xED\xA0\x80"), mark + mark + mark);
  EXPECT_EQ(sanitize_utf8(""), "");
}

TEST(Text, CutsAtACharacter) {
  const std::string dots = "\xE2\x80\xA6";
  EXPECT_EQ(cut_text("0123456789", 10), "0123456789");
  EXPECT_EQ(cut_text("0123456789", 9), "012345" + dots);
  EXPECT_EQ(cut_text("0123456789", 3), dots);
  EXPECT_EQ(cut_text("0123456789", 2), "01");
  EXPECT_EQ(cut_text("0123456789", 0), "");
  EXPECT_EQ(cut_text("abc\xC3\xA5\xC3\xA5xyz", 7), "abc" + dots);  // would be inside the first
  for (size_t most = 0; most < 20; ++most) {
    const std::string cut = cut_text(repeat("\xF0\x9F\x98\x80", 6), most);
    EXPECT_LE(cut.size(), most);
    EXPECT_TRUE(is_utf8(cut)) << most;
  }
  EXPECT_LE(cut_text(std::string(50, '\x80'), 10).size(), 10u);
}

TEST(Text, QuotesWhatWouldDisturb) {
  EXPECT_EQ(quote_text("a b"), "\"a b\"");
  EXPECT_EQ(quote_text("a\n\x1b[0m"), "\"a\\u{0a}\\u{1b}[0m\"");
  EXPECT_EQ(quote_text("\xE2\x80\xAE"), "\"\\u{202e}\"");
  EXPECT_EQ(quote_text("\xFF"), "\"\xEF\xBF\xBD\"");
  EXPECT_LE(quote_text(std::string(5000, 'x')).size(), 82u);
}

TEST(Hash, IsFnv1a) {
  EXPECT_EQ(hash64(""), 0xcbf29ce484222325ull);
  EXPECT_EQ(hash64("a"), 0xaf63dc4c8601ec8cull);
  EXPECT_EQ(hash64("foobar"), 0x85944171f73967e8ull);
  EXPECT_EQ(hash64("bar", hash64("foo")), hash64("foobar"));
}

TEST(Hash, IsNamedByAllItsDigits) {
  EXPECT_EQ(hex16(0), "0000000000000000");
  EXPECT_EQ(hex16(0x0f63dc4c8601ec8cull), "0f63dc4c8601ec8c");
}

}  // namespace
}  // namespace muster
