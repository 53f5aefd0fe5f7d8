// How muster calls git, whoever does: the worker for the source of a job (workers/git_fetch.h), the
// CLI for a source's .vcsjob (io/git_peek.h).
//
// git is never asked anything and never asks: it has no terminal, no pager, no prompt, no hooks.
// Its environment is made anew, so that no GIT_* of the caller's gets in; of the caller it has HOME
// and the ssh agent, and so the keys and credential helpers of the user. Credentials in a URL are
// handed to it aside, since arguments can be seen in process lists.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/process.h"

namespace muster {

// A repository as git is told of it.
struct GitRemote {
  std::string url;  // for git's arguments: without a user
  std::map<std::string, std::string> env;
};

// Of a URL that invalid_git_url (core/git_url.h) has nothing against.
GitRemote git_remote(const std::string& url);

// `git ARGUMENTS...`, in a session of its own.
ProcessSpec git_process(const GitRemote& remote, std::vector<std::string> arguments);

// Of what git said, what says best why it failed: its last line, or the last that is an error where
// advice follows. Without the token that `url` may hold. Empty when it said nothing.
std::string git_reason(std::string_view said, const std::string& url);

// The commit that `git rev-parse` said, perhaps among warnings, or nothing. It is not shown but
// used, so that no token is looked for in it.
std::optional<std::string> git_sha(std::string_view said);

// What a program says that could not start git: `reason` is Process::start's.
std::string git_not_started(const std::string& reason);

}  // namespace muster
