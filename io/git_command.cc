#include "io/git_command.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "core/git_url.h"
#include "core/guid.h"

namespace muster {
namespace {

constexpr size_t kReasonBytesMax = 512;

std::map<std::string, std::string> git_environment() {
  std::map<std::string, std::string> env = base_environment("/");
  for (const char* name : {"HOME", "PATH", "SSH_AUTH_SOCK", "http_proxy", "https_proxy", "no_proxy",
                           "GIT_SSL_CAINFO"}) {
    if (const char* value = std::getenv(name)) env[name] = value;
  }
  env["LC_ALL"] = "C";
  env["GIT_TERMINAL_PROMPT"] = "0";
  env["GIT_ASKPASS"] = "/bin/false";
  env["SSH_ASKPASS"] = "/bin/false";
  env["SSH_ASKPASS_REQUIRE"] = "never";
  env["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes -oConnectTimeout=30";
  env["GIT_PAGER"] = "cat";
  env["GIT_EDITOR"] = "/bin/false";
  return env;
}

}  // namespace

GitRemote git_remote(const std::string& url) {
  GitRemote remote{url, git_environment()};
  const std::optional<GitUser> user = split_git_url(url);
  if (!user) return remote;
  remote.url = user->url;
  // Of that user the worker's own helpers know the password; of a token there is none.
  remote.env["MUSTER_GIT_USER"] = user->user;
  remote.env["GIT_CONFIG_COUNT"] = "2";
  remote.env["GIT_CONFIG_KEY_0"] = "credential.username";
  remote.env["GIT_CONFIG_VALUE_0"] = user->user;
  remote.env["GIT_CONFIG_KEY_1"] = "credential.helper";
  remote.env["GIT_CONFIG_VALUE_1"] = "!printf 'username=%s\\npassword=\\n' \"$MUSTER_GIT_USER\" #";
  return remote;
}

ProcessSpec git_process(const GitRemote& remote, std::vector<std::string> arguments) {
  ProcessSpec spec;
  spec.argv = {"git",
               "-c",
               "protocol.ext.allow=never",
               "-c",
               "core.hooksPath=/dev/null",
               "-c",
               "gc.autoDetach=false",
               "-c",
               "safe.directory=*"};
  spec.argv.insert(spec.argv.end(), std::make_move_iterator(arguments.begin()),
                   std::make_move_iterator(arguments.end()));
  spec.env = remote.env;
  spec.session = true;
  return spec;
}

std::string git_reason(std::string_view said, const std::string& url) {
  constexpr std::string_view kNoReason = "fatal: Could not read from remote repository.";
  std::string_view fatal;
  std::string_view more;  // of fatal, on its next line
  std::string_view last;
  while (!said.empty()) {
    const size_t end = std::min(said.find('\n'), said.size());
    std::string_view line = said.substr(0, end);
    said.remove_prefix(std::min(end + 1, said.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line == kNoReason && !last.empty()) {
      fatal = last;  // what ssh or the other side said
      more = {};
    } else if (fatal.ends_with(':') && fatal == last) {
      more = line;  // "unable to connect to HOST:", and then why
    } else if (line.starts_with("fatal: ") || line.starts_with("error: ")) {
      fatal = line;
      more = {};
    }
    last = line;
  }
  std::string reason(fatal.empty() ? last : fatal);
  if (!more.empty()) reason += " " + std::string(more);
  return cut_text(sanitize_utf8(without_password(std::move(reason), url)), kReasonBytesMax);
}

std::optional<std::string> git_sha(std::string_view said) {
  std::optional<std::string> sha;
  while (!said.empty()) {
    const size_t end = std::min(said.find('\n'), said.size());
    if (is_full_sha(said.substr(0, end))) sha = std::string(said.substr(0, end));
    said.remove_prefix(std::min(end + 1, said.size()));
  }
  return sha;
}

std::string git_not_started(const std::string& reason) {
  return "cannot run git (" + reason + "): install git";
}

}  // namespace muster
