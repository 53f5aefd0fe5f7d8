#include "cli/parse_kit.h"

#include "cli/values.h"
#include "core/duration_text.h"
#include "core/guid.h"
#include "core/suggest.h"

namespace muster {

std::string without_mark(std::string word) {
  return word.starts_with(kPlainWord) ? word.substr(1) : word;
}

void add_duration(CLI::App* app, const std::string& name, std::optional<Duration>* target,
                  const std::string& description) {
  add_value<Duration>(
      app, name, [](const std::string& text) { return parse_duration(text); },
      [target](Duration value) { *target = value; }, "TIME", description);
}

void add_number(CLI::App* app, const std::string& name, uint64_t min, uint64_t max,
                std::function<void(uint64_t)> take, const std::string& description) {
  add_value<uint64_t>(
      app, name, [min, max](const std::string& text) { return parse_whole_number(text, min, max); },
      std::move(take), "N", description);
}

CLI::Option* add_list(CLI::App* app, const std::string& name, std::vector<std::string>* target,
                      const std::string& type, const std::string& description) {
  return app->add_option(name, *target, description)->allow_extra_args(false)->type_name(type);
}

void add_assignments(CLI::App* app, const std::string& name,
                     std::map<std::string, std::string>* target, const std::string& description) {
  app->add_option_function<std::vector<std::string>>(
         name,
         [name, target](const std::vector<std::string>& assignments) {
           for (const std::string& text : assignments) {
             Result<std::pair<std::string, std::string>> pair = parse_assignment(text);
             if (!pair) throw CLI::ValidationError(name, pair.error());
             target->insert_or_assign(pair->first, pair->second);
           }
         },
         description)
      ->allow_extra_args(false)
      ->type_name("K=V");
}

CLI::Option* add_text(CLI::App* app, const std::string& name, std::string* target,
                      const std::string& type, const std::string& description) {
  return app->add_option(name, *target, description)->type_name(type);
}

void add_reason(CLI::App* app, std::string* target) {
  add_value<std::string>(
      app, "--reason",
      [](const std::string& text) -> Result<std::string> {
        if (text.find_first_not_of(" \t\n") == std::string::npos) return Error{"says nothing"};
        return text;
      },
      [target](std::string text) { *target = std::move(text); }, "TEXT",
      "Why, for those who wonder later")
      ->required();
}

void add_given(CLI::App* app, const std::string& name, std::string* target, const std::string& type,
               const std::string& description) {
  add_value<std::string>(
      app, name,
      [](const std::string& text) -> Result<std::string> {
        if (text.empty()) return Error{"must not be empty; leave it out for the default"};
        return text;
      },
      [target](std::string text) { *target = std::move(text); }, type, description);
}

CLI::Option* add_words(CLI::App* app, const std::string& name, std::vector<std::string>* target,
                       const std::string& description) {
  return app->add_option(name, *target, description)->transform(without_mark)->type_name("");
}

CLI::Option* add_word(CLI::App* app, const std::string& name, std::string* target,
                      const std::string& description) {
  return app->add_option(name, *target, description)->transform(without_mark)->type_name("");
}

CLI::App* add_group(Parse& parse, const std::string& name, const std::string& description) {
  CLI::App* group = parse.app.add_subcommand(name, description);
  group->require_subcommand(1, 1);
  group->footer("Examples of each: muster " + name + " VERB --help");
  return group;
}

Result<Format> parse_format(const std::string& text, const std::vector<std::string>& also) {
  const std::map<std::string, Format> formats = {{"human", Format::human},
                                                 {"json", Format::json},
                                                 {"jsonl", Format::jsonl},
                                                 {"quiet", Format::quiet}};
  const auto at = formats.find(text);
  if (at != formats.end()) return at->second;
  std::vector<std::string> names = {"human", "json", "jsonl", "quiet"};
  names.insert(names.end(), also.begin(), also.end());
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return Error{quote_text(text) + " is not a format: " + list + suggestion(text, names)};
}

}  // namespace muster
