// Tasks by what people type: a GUID, a unique prefix of one, or "last". The broker is asked first;
// what it does not remember any more is answered from the ledger.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace muster {

// The GUID that `text` means; people are told on stderr which one that is. Throws Failure (64) when
// there is none, or more than one: then the candidates are named.
std::string resolve_guid(Session& session, const std::string& text);
std::vector<std::string> resolve_guids(Session& session, const std::vector<std::string>& texts);

// The same of a group: the GUID that the tasks of one array or matrix share.
std::string resolve_group(Session& session, const std::string& text);

// What the ambiguous prefix `text` could mean, as an error and its hint.
Failure ambiguous_guid(const std::string& text, const std::vector<std::string>& candidates);

// The whole task. Throws Failure (64) when nobody knows it.
TaskInfo find_task(Session& session, const std::string& guid);

// Tasks that run on behalf of `guid`, oldest first, in brief form.
std::vector<TaskInfo> find_children(Session& session, const std::string& guid);

// The same as find_task, from the ledger, or nothing.
std::optional<TaskInfo> task_of_ledger(Session& session, const std::string& guid);

}  // namespace muster
