// Connections to the ledger for those who ask by HTTP: so many questions at once and no more, so
// that long ones hold up neither each other's callers without end nor anything else.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "io/ledger.h"

namespace muster {

class LedgerPool {
 public:
  using Open = std::function<Result<Ledger>()>;

  // Opens ledgers by `open`, `size` at most; who finds all in use waits for `patience`.
  LedgerPool(Open open, size_t size, Duration patience);

  // A ledger of one's own for as long as it lives.
  class Lease {
   public:
    Lease(LedgerPool& pool, std::unique_ptr<Ledger> ledger);
    ~Lease();
    Lease(Lease&& other) noexcept = default;
    Ledger& operator*() const { return *ledger_; }
    Ledger* operator->() const { return ledger_.get(); }
    // It has failed: the next one is opened anew.
    void discard() { ledger_.reset(); }

   private:
    struct Keep {
      void operator()(LedgerPool*) const {}
    };
    std::unique_ptr<LedgerPool, Keep> pool_;  // not owned; null once moved from
    std::unique_ptr<Ledger> ledger_;
  };

  // In any thread. Errors: it cannot be opened, all are in use, or it was stopped.
  Result<Lease> borrow();

  // Nobody waits for one any more, or gets one. What a lease is doing ends as its place says
  // (LedgerPlace::stop_fd).
  void stop();

 private:
  void give_back(std::unique_ptr<Ledger> ledger);

  const Open open_;
  const size_t size_;
  const Duration patience_;
  std::mutex mutex_;
  std::condition_variable freed_;
  bool stopped_ = false;
  size_t used_ = 0;
  std::vector<std::unique_ptr<Ledger>> idle_;
};

}  // namespace muster
