// Where events become documents of CouchDB: the part `couchdb` of muster.yaml, and AVE's
// panotti.json in the home, which it goes before.
//
//   couchdb: { url: "https://db.lab:6984", db: events, user: pusher, password_file:
//   couchdb.password,
//              ca_file: lab-ca.pem, create: true, enabled: true }
//
//   {"host": "db.lab", "port": 5984, "db": "panotti", "enabled": true}
#pragma once

#include <cstdint>
#include <string>

#include "io/home.h"
#include "io/object_reader.h"

namespace muster {

struct CouchDbConfig {
  bool enabled = false;
  std::string url;  // "http://HOST:PORT", without a name, a password or a path
  std::string db;
  std::string user;           // empty: nobody in particular
  std::string password_file;  // absolute; empty: no password
  std::string ca_file;        // absolute; of https, instead of the system's certificates
  bool create = true;         // the database and its index, where they are missing
};

// HOME/panotti.json into `config`; nothing when there is no such file.
void load_panotti(const Home& home, CouchDbConfig& config, FileProblems& problems);

// The value of `couchdb` over what `config` says already.
void read_couchdb(const ObjectReader& reader, const Home& home, CouchDbConfig& config);

// The password in password_file, or "" when none is named. Errors name the key: what it or ca_file
// names cannot be read, or is no password.
Result<std::string> load_couchdb_password(const CouchDbConfig& config);

const KeyTable& couchdb_keys();

}  // namespace muster
