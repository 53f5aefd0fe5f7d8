// A folder of the archive as JSON: what the archive answers over HTTP and what `muster artifact ls`
// prints (schema muster.archive_folder/1).
//
//   guid, pinned, files [{attempt, name, bytes, complete, sha256?, stored}]
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "io/archive_store.h"

namespace muster {

std::string archive_folder_json(const ArchiveFolder& folder);
Result<ArchiveFolder> parse_archive_folder(std::string_view text);

}  // namespace muster
