// What an attempt says comes from programs and files, so it may be anything. A report that the
// broker could not read would be refused, and resent, for ever; so it is made readable before it is
// kept.
#pragma once

#include "core/report.h"

namespace muster {

// `body` as the broker will take it: text is UTF-8, no part is longer than it may be, and the whole
// fits into a report. What had to be cut shows it.
ReportBody make_reportable(ReportBody body);

}  // namespace muster
