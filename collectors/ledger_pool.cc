#include "collectors/ledger_pool.h"

#include <string>
#include <utility>

namespace muster {

LedgerPool::LedgerPool(Open open, size_t size, Duration patience)
    : open_(std::move(open)), size_(size), patience_(patience) {}

LedgerPool::Lease::Lease(LedgerPool& pool, std::unique_ptr<Ledger> ledger)
    : pool_(&pool), ledger_(std::move(ledger)) {}

LedgerPool::Lease::~Lease() {
  if (pool_) pool_->give_back(std::move(ledger_));
}

Result<LedgerPool::Lease> LedgerPool::borrow() {
  std::unique_ptr<Ledger> ledger;
  {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, patience_, [&] { return stopped_ || used_ < size_; })) {
      return Error{std::to_string(size_) + " questions are being answered: try again in a while"};
    }
    if (stopped_) return Error{"the collector is stopping"};
    ++used_;
    if (!idle_.empty()) {
      ledger = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!ledger) {
    Result<Ledger> opened = open_();
    if (!opened) {
      give_back(nullptr);
      return Error{opened.error()};
    }
    ledger = std::make_unique<Ledger>(std::move(*opened));
  }
  return Lease(*this, std::move(ledger));
}

void LedgerPool::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  freed_.notify_all();
}

void LedgerPool::give_back(std::unique_ptr<Ledger> ledger) {
  const std::lock_guard lock(mutex_);
  --used_;
  if (ledger) idle_.push_back(std::move(ledger));
  freed_.notify_one();
}

}  // namespace muster
