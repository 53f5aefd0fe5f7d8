// One file of the archive on its way to a path of this machine.
#pragma once

#include <cstdint>
#include <string>

#include "cli/archive_client.h"

namespace muster {

// Where the bytes of `path` wait until they are whole: beside it, under a name of muster's own that
// says whose they are (".NAME.GUID.ATTEMPT.muster-part", GUID as percent_encode writes it), or,
// where that would be too long, a digest of it.
std::string download_part(const std::string& path, const std::string& guid, uint32_t attempt);

// Fetches the file into its part, and gives it its name once it is whole and has the archive's
// digest. With a digest, a part that an earlier try has left is gone on with; a file that has none
// still grows, and is fetched anew. Replaces what is at `path`, and makes its folders. Throws
// Failure.
void download(ArchiveClient& archive, const std::string& guid, const ArchivedFile& file,
              const std::string& path);

}  // namespace muster
