// Which jobs of a .vcsjob file are meant, by their tags. A choice is a list of terms, all of which
// must hold:
//
//   A,B        the job carries A and B (AVE's form)
//   any:A,B    it carries one of them
//   not:A,B    it carries none of them
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

// Why `term` cannot be one, as a sentence, or nothing.
std::optional<std::string> invalid_tag_term(std::string_view term);

// No terms choose every job.
bool chosen_by_tags(const std::vector<std::string>& tags, const std::vector<std::string>& terms);

}  // namespace muster
