#include "io/mariadb_store.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <mutex>
#include <optional>
#include <utility>

#include "io/file.h"
#include "io/sql_dialect.h"

namespace muster {
namespace {

// Of one statement: large enough that its way to the server costs nothing, small enough to be in
// memory twice.
constexpr size_t kStatementBytesMax = 1 << 20;
// Of one packet, the protocol's own share.
constexpr size_t kPacketSlack = 1 << 10;
// What is under way may take so long once a stop is wanted.
constexpr std::chrono::seconds kStopGrace(2);
// What a ledger keeps open when nothing happens: servers end idle connections after 8 hours.
constexpr const char* kSession =
    "SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', wait_timeout = 604800, "
    "innodb_lock_wait_timeout = 10, lock_wait_timeout = 30";

// Of MySQL's own: MariaDB's header has them not.
constexpr unsigned kMysqlQueryTimeout = 3024;

struct CloseConnection {
  void operator()(MYSQL* mysql) const { mysql_close(mysql); }
};
using Connection = std::unique_ptr<MYSQL, CloseConnection>;

struct FreeResult {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};

bool is_too_slow(unsigned error) {
  return error == ER_STATEMENT_TIMEOUT || error == kMysqlQueryTimeout;
}

bool is_lost(unsigned error) {
  return error == CR_SERVER_GONE_ERROR || error == CR_SERVER_LOST ||
         error == CR_SERVER_LOST_EXTENDED || error == ER_CONNECTION_KILLED;
}

void set_text(MYSQL* mysql, mysql_option option, const std::string& text) {
  if (!text.empty()) mysql_options(mysql, option, text.c_str());
}

void set_timeout(MYSQL* mysql, mysql_option option, Duration timeout) {
  const auto seconds = static_cast<unsigned>(std::max<int64_t>(timeout / 1s, 1));
  mysql_options(mysql, option, &seconds);
}

void set_options(MYSQL* mysql, const MariadbOptions& options) {
  set_timeout(mysql, MYSQL_OPT_CONNECT_TIMEOUT, options.connect_timeout);
  set_timeout(mysql, MYSQL_OPT_READ_TIMEOUT, options.answer_timeout);
  set_timeout(mysql, MYSQL_OPT_WRITE_TIMEOUT, options.answer_timeout);
  mysql_options(mysql, MYSQL_OPT_NONBLOCK, nullptr);
  mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  // Or "localhost" means a socket of the system's.
  const unsigned protocol = options.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
  if (!options.tls.on) return;
  const my_bool yes = 1;
  mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
  mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  set_text(mysql, MYSQL_OPT_SSL_CA, options.tls.ca_file);
  set_text(mysql, MYSQL_OPT_SSL_CERT, options.tls.cert_file);
  set_text(mysql, MYSQL_OPT_SSL_KEY, options.tls.key_file);
}

// The library says of a file that it cannot read neither which nor why.
std::optional<std::string> unreadable_tls_file(const MariadbTls& tls) {
  if (!tls.on) return std::nullopt;
  const std::pair<const char*, const std::string&> files[] = {{"ledger.tls_ca", tls.ca_file},
                                                              {"ledger.tls_cert", tls.cert_file},
                                                              {"ledger.tls_key", tls.key_file}};
  for (const auto& [key, file] : files) {
    if (file.empty() || ::access(file.c_str(), R_OK) == 0) continue;
    return std::string(key) + ": cannot read " + file + ": " + errno_text(errno);
  }
  return std::nullopt;
}

// Appends a value as it stands in a statement.
struct Append {
  MYSQL* mysql;
  std::string& sql;

  void operator()(SqlNull) const { sql += "NULL"; }
  void operator()(int64_t value) const {
    char digits[24];
    sql.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  // With an exponent: without, it would be a decimal number.
  void operator()(double value) const {
    if (!std::isfinite(value)) return (*this)(SqlNull{});
    char digits[40];
    sql.append(
        digits,
        std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific).ptr);
  }
  void operator()(std::string_view text) const {
    const size_t begin = sql.size();
    sql.resize(begin + 2 * text.size() + 3);
    sql[begin] = '\'';
    const unsigned long length =
        mysql_real_escape_string(mysql, sql.data() + begin + 1, text.data(), text.size());
    sql[begin + 1 + length] = '\'';
    sql.resize(begin + 2 + length);
  }
  void operator()(SqlBlob blob) const {
    sql += "_binary";
    (*this)(blob.bytes);
  }
};

// A connection, made anew where it was lost.
class Server {
 public:
  explicit Server(const MariadbOptions& options)
      : options_(options), place_(mariadb_place(options)) {}

  DbStatus connect();
  // Sends one statement; its answer is in connection().
  DbStatus send(std::string_view sql);
  DbStatus begin();
  DbStatus commit();
  void rollback();

  // Of the last call that failed. `about` says what was asked for.
  DbStatus failure(const std::string& about = "") const;
  MYSQL* connection() const { return connection_.get(); }
  // All rows of the answer to what was sent; null with an error, or when it has none.
  MYSQL_RES* store_result();
  const std::string& place() const { return place_; }
  bool is_mariadb() const { return is_mariadb_; }
  size_t packet_max() const { return packet_max_; }

 private:
  DbStatus open_connection(const std::string& database);
  DbStatus make_database();
  DbStatus read_packet_max();
  DbStatus limit_questions();
  bool query(std::string_view sql);
  int wait(int events);

  MariadbOptions options_;
  std::string place_;
  Connection connection_;
  bool in_transaction_ = false;
  bool is_mariadb_ = true;
  bool is_silent_ = false;  // the server, about what was sent last
  size_t packet_max_ = kStatementBytesMax;
  std::optional<std::chrono::steady_clock::time_point> give_up_at_;  // once a stop is wanted
};

DbStatus Server::failure(const std::string& about) const {
  const unsigned error = mysql_errno(connection_.get());
  std::string words = mysql_error(connection_.get());
  if (is_silent_) words = "the server says nothing; see whether it works: " + words;
  if (is_too_slow(error)) words = "the question takes too long; ask for less: " + words;
  return {error == 0 ? DbFault::broken : mariadb_fault(error),
          place_ + ": " + about + words + " (" + std::to_string(error) + ")"};
}

DbStatus Server::open_connection(const std::string& database) {
  static std::once_flag library;
  std::call_once(library, [] { mysql_library_init(0, nullptr, nullptr); });
  in_transaction_ = false;
  is_silent_ = false;
  connection_.reset(mysql_init(nullptr));
  if (!connection_) return {DbFault::broken, place_ + ": out of memory"};
  if (const auto why = unreadable_tls_file(options_.tls)) {
    return {DbFault::broken, place_ + ": " + *why};
  }
  set_options(connection_.get(), options_);
  const bool by_socket = !options_.socket.empty();
  MYSQL* connected = nullptr;
  int events = mysql_real_connect_start(
      &connected, connection_.get(), by_socket ? nullptr : options_.host.c_str(),
      options_.user.c_str(), options_.password.c_str(),
      database.empty() ? nullptr : database.c_str(), options_.port,
      by_socket ? options_.socket.c_str() : nullptr, 0);
  while (events != 0) {
    events = mysql_real_connect_cont(&connected, connection_.get(), wait(events));
  }
  return connected == nullptr ? failure() : DbStatus{};
}

// The name is an identifier: the configuration sees to that.
DbStatus Server::make_database() {
  if (DbStatus status = open_connection(""); !status.ok()) return status;
  const std::string sql =
      "CREATE DATABASE IF NOT EXISTS `" + options_.database + "` CHARACTER SET utf8mb4";
  if (!query(sql)) return failure("there is no such database, and it cannot be made: ");
  return query("USE `" + options_.database + "`") ? DbStatus{} : failure();
}

DbStatus Server::connect() {
  DbStatus status = open_connection(options_.database);
  const bool is_missing = mysql_errno(connection_.get()) == ER_BAD_DB_ERROR;
  if (!status.ok() && is_missing && !options_.read_only) status = make_database();
  if (!status.ok()) {
    connection_.reset();
    return status;
  }
  is_mariadb_ = mariadb_connection(connection_.get()) != 0;
  const char* const level = options_.read_only
                                ? "SET SESSION TRANSACTION READ ONLY"
                                : "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
  status = query(kSession) && query(level) ? read_packet_max() : failure();
  if (status.ok() && options_.read_only) status = limit_questions();
  if (!status.ok()) connection_.reset();  // half of a session is none
  return status;
}

DbStatus Server::limit_questions() {
  const Duration most =
      options_.question_max > Duration(0) ? options_.question_max : options_.answer_timeout;
  const int64_t ms = std::max<int64_t>(most / 1ms, 1);
  const std::string limit = is_mariadb_ ? "max_statement_time = " + std::to_string(ms / 1000) +
                                              "." + std::to_string(1000 + ms % 1000).substr(1)
                                        : "max_execution_time = " + std::to_string(ms);
  return query("SET SESSION " + limit) ? DbStatus{} : failure();
}

DbStatus Server::read_packet_max() {
  if (!query("SELECT @@max_allowed_packet")) return failure();
  const std::unique_ptr<MYSQL_RES, FreeResult> result(store_result());
  const MYSQL_ROW row = result ? mysql_fetch_row(result.get()) : nullptr;
  if (row == nullptr || row[0] == nullptr) return failure();
  const std::string_view digits(row[0]);
  std::from_chars(digits.data(), digits.data() + digits.size(), packet_max_);
  packet_max_ -= std::min(packet_max_ / 2, kPacketSlack);
  return {};
}

bool Server::query(std::string_view sql) {
  int failed = 1;
  is_silent_ = false;
  int events = mysql_real_query_start(&failed, connection_.get(), sql.data(), sql.size());
  while (events != 0) events = mysql_real_query_cont(&failed, connection_.get(), wait(events));
  return failed == 0;
}

MYSQL_RES* Server::store_result() {
  MYSQL_RES* result = nullptr;
  int events = mysql_store_result_start(&result, connection_.get());
  while (events != 0) events = mysql_store_result_cont(&result, connection_.get(), wait(events));
  return result;
}

// Waits for one of `events` (MYSQL_WAIT_*) and says which came. A stop that is wanted for longer
// than the grace is a timeout like any other.
int Server::wait(int events) {
  using Steady = std::chrono::steady_clock;
  pollfd fds[] = {{static_cast<int>(mysql_get_socket(connection_.get())), 0, 0},
                  {give_up_at_ ? -1 : options_.stop_fd, POLLIN, 0}};
  if ((events & MYSQL_WAIT_READ) != 0) fds[0].events |= POLLIN;
  if ((events & MYSQL_WAIT_WRITE) != 0) fds[0].events |= POLLOUT;
  if ((events & MYSQL_WAIT_EXCEPT) != 0) fds[0].events |= POLLPRI;
  std::optional<Steady::time_point> until = give_up_at_;
  if ((events & MYSQL_WAIT_TIMEOUT) != 0) {
    const std::chrono::milliseconds timeout(mysql_get_timeout_value_ms(connection_.get()));
    until = std::min(until.value_or(Steady::time_point::max()), Steady::now() + timeout);
  }
  while (true) {
    const auto left = until ? std::chrono::ceil<std::chrono::milliseconds>(*until - Steady::now())
                            : std::chrono::milliseconds(-1);
    if (until && left.count() <= 0) {
      is_silent_ = true;
      return MYSQL_WAIT_TIMEOUT;
    }
    if (::poll(fds, 2, static_cast<int>(left.count())) <= 0) continue;
    int came = 0;
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) came |= events & MYSQL_WAIT_READ;
    if ((fds[0].revents & (POLLOUT | POLLHUP | POLLERR)) != 0) came |= events & MYSQL_WAIT_WRITE;
    if ((fds[0].revents & (POLLPRI | POLLHUP | POLLERR)) != 0) came |= events & MYSQL_WAIT_EXCEPT;
    if (came != 0) return came;
    if (fds[1].revents == 0) continue;
    fds[1].fd = -1;
    give_up_at_ = Steady::now() + kStopGrace;
    until = std::min(until.value_or(Steady::time_point::max()), *give_up_at_);
  }
}

DbStatus Server::send(std::string_view sql) {
  if (sql.size() > packet_max_) {
    return {DbFault::broken, place_ + ": takes statements of " + std::to_string(packet_max_) +
                                 " bytes and one has " + std::to_string(sql.size()) +
                                 ": raise the server's max_allowed_packet"};
  }
  if (!connection_) {
    if (in_transaction_) return {DbFault::broken, place_ + ": the connection was lost"};
    if (DbStatus status = connect(); !status.ok()) return status;
  }
  if (query(sql)) return {};
  DbStatus status = failure();
  if (!is_lost(mysql_errno(connection_.get()))) return status;
  connection_.reset();
  if (in_transaction_ || is_silent_) return status;
  status = connect();
  if (!status.ok()) return status;
  return query(sql) ? DbStatus{} : failure();
}

DbStatus Server::begin() {
  in_transaction_ = false;
  DbStatus status = send("START TRANSACTION");
  in_transaction_ = status.ok();
  return status;
}

DbStatus Server::commit() {
  DbStatus status = send("COMMIT");
  if (status.ok()) in_transaction_ = false;
  return status;
}

void Server::rollback() {
  // Where the connection is lost the server has rolled back by itself.
  if (in_transaction_ && connection_ && !query("ROLLBACK")) connection_.reset();
  in_transaction_ = false;
}

// Its values are put into the text: a server is not asked twice for what is run once.
class MariadbStatement final : public SqlStatement {
 public:
  MariadbStatement(Server& server, std::string_view sql) : server_(server) {
    char quote = '\0';
    parts_.emplace_back();
    for (const char c : sql) {
      if (quote != '\0' ? c == quote : c == '\'' || c == '"') quote = quote == '\0' ? c : '\0';
      if (c == '?' && quote == '\0') {
        parts_.emplace_back();
      } else {
        parts_.back() += c;
      }
    }
  }

  void start(SqlValues values) override {
    assert(values.size() + 1 == parts_.size());
    result_.reset();
    row_ = nullptr;
    std::string sql = parts_[0];
    // The escaping of texts needs a connection: it knows the server's mode.
    status_ = server_.connection() == nullptr ? server_.send("DO 0") : DbStatus{};
    if (!status_.ok()) return;
    for (size_t i = 0; i < values.size(); ++i) {
      std::visit(Append{server_.connection(), sql}, values[i]);
      sql += parts_[i + 1];
    }
    status_ = server_.send(sql);
    if (!status_.ok() || mysql_field_count(server_.connection()) == 0) return;
    result_.reset(server_.store_result());
    if (!result_) status_ = server_.failure();
  }

  bool next() override {
    if (!result_) return false;
    row_ = mysql_fetch_row(result_.get());
    lengths_ = row_ == nullptr ? nullptr : mysql_fetch_lengths(result_.get());
    return row_ != nullptr;
  }

  DbStatus finish() override {
    result_.reset();
    row_ = nullptr;
    return std::exchange(status_, {});
  }

  int64_t integer(int column) const override { return number<int64_t>(column); }
  double real(int column) const override { return number<double>(column); }
  std::string_view text(int column) const override {
    if (row_ == nullptr || row_[column] == nullptr) return {};
    return {row_[column], lengths_[column]};
  }
  bool is_null(int column) const override { return row_ == nullptr || row_[column] == nullptr; }

 private:
  template <typename Number>
  Number number(int column) const {
    const std::string_view digits = text(column);
    Number value{};
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }

  Server& server_;
  std::vector<std::string> parts_;  // between the question marks
  std::unique_ptr<MYSQL_RES, FreeResult> result_;
  MYSQL_ROW row_ = nullptr;
  unsigned long* lengths_ = nullptr;
  DbStatus status_;
};

// One statement for as many rows as fit.
class MariadbInserter final : public SqlInserter {
 public:
  MariadbInserter(Server& server, std::string_view table, const std::vector<std::string>& columns)
      : server_(server), head_(replace_into(table, columns) + " VALUES ") {}

  DbStatus add(SqlValues row) override {
    if (server_.connection() == nullptr) return {DbFault::broken, server_.place() + ": is gone"};
    if (sql_.empty()) sql_ = head_;
    const size_t before = sql_.size();
    append(row);
    const bool is_first = before == head_.size();
    if (sql_.size() <= bytes_max() || is_first) return {};
    const std::string last = sql_.substr(before + 1);
    sql_.resize(before);
    DbStatus status = flush();
    sql_ = head_ + last;
    return status;
  }

  DbStatus flush() override {
    if (sql_.empty()) return {};
    DbStatus status = server_.send(sql_);
    sql_.clear();
    return status;
  }

 private:
  size_t bytes_max() const { return std::min(kStatementBytesMax, server_.packet_max()); }

  void append(SqlValues row) {
    if (sql_.size() > head_.size()) sql_ += ',';
    sql_ += '(';
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) sql_ += ',';
      std::visit(Append{server_.connection(), sql_}, row[i]);
    }
    sql_ += ')';
  }

  Server& server_;
  const std::string head_;
  std::string sql_;
};

class MariadbStore final : public SqlStore {
 public:
  explicit MariadbStore(const MariadbOptions& options) : server_(options) {}

  DbStatus connect() { return server_.connect(); }
  SqlDialect dialect() const override { return SqlDialect::mariadb; }
  const std::string& place() const override { return server_.place(); }
  // Without padding: "a" and "a " differ.
  std::string bytewise_collation() const override {
    return server_.is_mariadb() ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
  }
  DbStatus execute(std::string_view sql) override { return server_.send(sql); }
  Result<std::unique_ptr<SqlStatement>> prepare(std::string_view sql) override {
    return std::unique_ptr<SqlStatement>(new MariadbStatement(server_, sql));
  }
  std::unique_ptr<SqlInserter> make_inserter(std::string_view table,
                                             const std::vector<std::string>& columns) override {
    return std::make_unique<MariadbInserter>(server_, table, columns);
  }
  DbStatus begin() override { return server_.begin(); }
  DbStatus commit() override { return server_.commit(); }
  void rollback() override { server_.rollback(); }

 private:
  Server server_;
};

}  // namespace

// Those of both by number: neither's header has the other's.
DbFault mariadb_fault(unsigned error) {
  switch (error) {
    case 0:
      return DbFault::none;
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
      return DbFault::disk_full;
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_LOCK_DEADLOCK:
    case 3572:  // MySQL: a row is locked, and none waits for it
      return DbFault::busy;
    case ER_DUP_KEY:
    case ER_DUP_ENTRY:
    case ER_DUP_UNIQUE:
    case ER_DUP_ENTRY_WITH_KEY_NAME:
    case ER_BAD_NULL_ERROR:
    case ER_NO_DEFAULT_FOR_FIELD:
    case ER_DATA_TOO_LONG:
    case ER_DATA_OUT_OF_RANGE:
    case ER_WARN_DATA_OUT_OF_RANGE:
    case WARN_DATA_TRUNCATED:
    case ER_TRUNCATED_WRONG_VALUE:
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case ER_TOO_BIG_ROWSIZE:
    case ER_NO_REFERENCED_ROW:
    case ER_NO_REFERENCED_ROW_2:
    case ER_ROW_IS_REFERENCED:
    case ER_ROW_IS_REFERENCED_2:
    case ER_SIGNAL_EXCEPTION:
    case ER_CONSTRAINT_FAILED:  // MariaDB: a CHECK
    case 3140:                  // MySQL: a text that is no JSON
    case 3819:                  // MySQL: a CHECK
      return DbFault::constraint;
    case ER_TABLE_EXISTS_ERROR:
    case ER_DUP_FIELDNAME:
    case ER_DUP_KEYNAME:
      return DbFault::exists;
    default:
      return DbFault::broken;
  }
}

std::string mariadb_place(const MariadbOptions& options) {
  std::string place = "mariadb://" + options.user + "@";
  place += options.socket.empty() ? options.host + ":" + std::to_string(options.port)
                                  : "[" + options.socket + "]";
  return place + "/" + options.database;
}

std::variant<std::unique_ptr<SqlStore>, DbStatus> open_mariadb_store(
    const MariadbOptions& options) {
  auto store = std::make_unique<MariadbStore>(options);
  if (DbStatus status = store->connect(); !status.ok()) return status;
  return std::unique_ptr<SqlStore>(std::move(store));
}

}  // namespace muster
