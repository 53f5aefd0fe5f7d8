// What AVE's marionette tests report, one JSON object a test, as a document of deciBel:
//
//   {"test_name": "test_dial", "start": 1381839600.25, "end": "2013-10-15T12:20:01Z",
//    "passed": 4, "failed": 1, "failures": ["test_dial.py: no tone"], "error": null}
//
// start, end         seconds (or milliseconds) since the epoch, or text; the end may be before the
//                    start (a clock was set): both are kept as they are
// passed, failed     numbers, or lists of what they count
// failures           texts, or objects with a name (test, test_name) and a message (error, info)
// error              text, or an object likewise: what kept the test from its end; empty, null or
//                    false: nothing
//
// Beside them, as in XML's <run>: key, guid, supersedes, sw, team, framework ("marionette" where
// nothing is said), iterations, user, origin, info, comment, git_url, git_sha1; and hw and log_link
// of the suite. Everything else is passed over.
#pragma once

#include <string_view>

#include "core/result.h"
#include "io/decibel_run.h"

namespace muster {

// Of one such object.
inline constexpr size_t kDecibelJsonBytesMax = 1 << 20;

// Errors: no JSON, no object, no test_name, or a value that is none. Nothing was given then.
Result<Done> read_decibel_json(std::string_view json, DecibelHandler& handler);

}  // namespace muster
