#include "io/sql.h"

namespace muster {

DbStatus SqlStatement::run(SqlValues values) {
  start(values);
  while (next()) {
  }
  return finish();
}

DbStatus SqlTransaction::commit() {
  if (!open_) return status_;
  DbStatus committed = store_.commit();
  open_ = !committed.ok();
  return committed;
}

}  // namespace muster
