#include "core/selector.h"

#include <algorithm>
#include <utility>

#include "core/guid.h"

namespace muster {
namespace {

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-/:@+").find(c) != std::string_view::npos;
}

// Reads tokens from left to right. Positions are told from 1.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() {
    skip_blanks();
    return at_ == text_.size();
  }
  bool take(std::string_view token) {
    skip_blanks();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  // A run of word characters; may be empty.
  std::string_view take_word() {
    skip_blanks();
    const size_t begin = at_;
    while (at_ < text_.size() && is_word_character(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  Error expected(std::string_view what) {
    skip_blanks();
    return Error{"selector " + quote_text(text_) + ": expected " + std::string(what) +
                 " at position " + std::to_string(at_ + 1)};
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

void sort_unique(std::vector<std::string>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

// "(a, b)" after "in" or "notin".
Result<std::vector<std::string>> parse_values(Scanner* scanner) {
  if (!scanner->take("(")) return scanner->expected("\"(\"");
  std::vector<std::string> values;
  do {
    const std::string_view value = scanner->take_word();
    if (value.empty()) return scanner->expected("a value");
    values.emplace_back(value);
  } while (scanner->take(","));
  if (!scanner->take(")")) return scanner->expected("\")\"");
  sort_unique(&values);
  return values;
}

std::string join(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "" : ",") + value;
  return out;
}

}  // namespace

Result<Selector> Selector::parse(std::string_view text) {
  Scanner scanner(text);
  Selector selector;
  if (scanner.at_end()) return selector;
  do {
    Term term;
    const bool negated = scanner.take("!");
    term.key = scanner.take_word();
    if (term.key.empty()) return scanner.expected("a key");
    if (negated) {
      term.op = Op::absent;
    } else if (scanner.take("!=")) {
      term.op = Op::not_in;
      term.values.emplace_back(scanner.take_word());
    } else if (scanner.take("==") || scanner.take("=")) {
      term.op = Op::in;
      term.values.emplace_back(scanner.take_word());
    } else if (const std::string_view word = scanner.take_word(); !word.empty()) {
      if (word != "in" && word != "notin") {
        return Error{"selector " + quote_text(text) + ": unknown operator " + quote_text(word) +
                     " after " + quote_text(term.key) + "; use =, !=, in (...) or notin (...)"};
      }
      term.op = word == "in" ? Op::in : Op::not_in;
      Result<std::vector<std::string>> values = parse_values(&scanner);
      if (!values) return Error{values.error()};
      term.values = std::move(*values);
    }
    selector.terms_.push_back(std::move(term));
  } while (scanner.take(","));
  if (!scanner.at_end()) return scanner.expected("\",\" or the end");
  std::sort(selector.terms_.begin(), selector.terms_.end());
  selector.terms_.erase(std::unique(selector.terms_.begin(), selector.terms_.end()),
                        selector.terms_.end());
  if (const std::string key = selector.impossible_key(); !key.empty()) {
    return Error{"selector " + quote_text(text) + " can never match: its terms for " +
                 quote_text(key) + " contradict each other"};
  }
  return selector;
}

std::string Selector::impossible_key() const {
  for (std::vector<Term>::const_iterator begin = terms_.begin(), end; begin != terms_.end();
       begin = end) {
    end = std::find_if(begin, terms_.end(), [&](const Term& t) { return t.key != begin->key; });
    const auto has = [&](Op op) {
      return std::any_of(begin, end, [&](const Term& t) { return t.op == op; });
    };
    if (has(Op::absent) && (has(Op::present) || has(Op::in))) return begin->key;
    if (!has(Op::in)) continue;
    // A value that one `in` lists is possible when all other terms allow it.
    const std::vector<Term>::const_iterator in =
        std::find_if(begin, end, [](const Term& t) { return t.op == Op::in; });
    const bool possible =
        std::any_of(in->values.begin(), in->values.end(), [&](const std::string& value) {
          return std::all_of(begin, end, [&](const Term& t) { return allows(t, value); });
        });
    if (!possible) return begin->key;
  }
  return {};
}

bool Selector::allows(const Term& term, const std::string& value) {
  const bool listed = std::binary_search(term.values.begin(), term.values.end(), value);
  switch (term.op) {
    case Op::present:
      return true;
    case Op::absent:
      return false;
    case Op::in:
      return listed;
    case Op::not_in:
      return !listed;
  }
  return false;
}

bool Selector::matches(const Profile& profile) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const Profile::const_iterator found = profile.find(term.key);
    if (found != profile.end()) return allows(term, found->second);
    return term.op == Op::absent || term.op == Op::not_in;
  });
}

std::string Selector::canonical() const {
  std::string out;
  for (const Term& term : terms_) {
    if (!out.empty()) out += ",";
    const bool single = term.values.size() == 1;
    switch (term.op) {
      case Op::present:
        out += term.key;
        break;
      case Op::absent:
        out += "!" + term.key;
        break;
      case Op::in:
        out +=
            single ? term.key + "=" + term.values[0] : term.key + " in (" + join(term.values) + ")";
        break;
      case Op::not_in:
        out += single ? term.key + "!=" + term.values[0]
                      : term.key + " notin (" + join(term.values) + ")";
        break;
    }
  }
  return out;
}

std::optional<std::string> invalid_profile_key(std::string_view key) {
  if (key == "name" || key == "pool") {
    return "\"" + std::string(key) + "\" cannot be a key of a profile" +
           (key == "pool" ? "; did you mean pools?" : "");
  }
  const Result<Selector> selector = Selector::parse(key);
  const bool can_be_selected = selector.ok() && selector->canonical() == key &&
                               key.front() != '!' &&
                               key.find_first_of(",= ") == std::string_view::npos;
  if (can_be_selected) return std::nullopt;
  return "a key of a profile is made of letters, digits and . _ - / : @ +";
}

Profile match_profile(const DeviceSpec& device) {
  Profile profile = device.profile;
  profile["name"] = device.name;
  return profile;
}

}  // namespace muster
