// Rows of a table of measurements that are read piece by piece, from the newest back.
#pragma once

#include <cstddef>

#include "io/ledger_reader.h"

namespace muster {

// Puts the rows of an older piece before those of `whole`. Columns are told apart by name: pieces
// need not have the same.
void prepend(MeasureAnswer older, MeasureAnswer& whole);

// Leaves the newest rows that still begin when `bytes` are there already, of `bytes_max`; if others
// go, there are more. How many bytes there are then, about as JSON counts them.
size_t keep_newest(MeasureAnswer& answer, size_t bytes, size_t bytes_max);

}  // namespace muster
