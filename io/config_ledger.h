// Where the ledger lies: the part `ledger` of muster.yaml. Without it, in HOME/collector/ledger.db.
//
//   ledger: { server: db.lab:3306, database: muster, user: muster, password_file: ledger.password,
//             tls: required, tls_ca: ca.pem }
//
// `server` may be the path of a Unix socket. Other than by that or by loopback nothing is sent
// without TLS, unless `tls: none` says so.
#pragma once

#include <optional>

#include "io/home.h"
#include "io/ledger_place.h"
#include "io/object_reader.h"

namespace muster {

// The value of `ledger`.
void read_ledger(const ObjectReader& reader, const Home& home, std::optional<LedgerServer>& ledger);

const KeyTable& ledger_keys();

}  // namespace muster
