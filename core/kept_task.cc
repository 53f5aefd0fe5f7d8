#include "core/kept_task.h"

#include <algorithm>

#include "core/guid.h"

namespace muster {

KeptSpec::KeptSpec(TaskTermsPtr terms, std::string_view guid, std::string_view work)
    : terms_(std::move(terms)),
      guid_size_(static_cast<uint32_t>(guid.size())),
      work_size_(static_cast<uint32_t>(work.size())) {
  const auto text = std::make_shared_for_overwrite<char[]>(guid.size() + work.size());
  std::copy(guid.begin(), guid.end(), text.get());
  std::copy(work.begin(), work.end(), text.get() + guid.size());
  text_ = text;
}

TaskSpec KeptSpec::whole() const {
  return TaskSpec{*terms_, std::string(guid()), std::string(work())};
}

bool KeptSpec::operator==(const TaskSpec& spec) const {
  return guid() == spec.guid && work() == spec.work &&
         *terms_ == static_cast<const TaskTerms&>(spec);
}

SharedTerms::Known& SharedTerms::share(const TaskTerms& terms) {
  const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
    return known.terms.get() == &terms || *known.terms == terms;
  });
  if (found == known_.end()) {
    known_.push_front(Known{std::make_shared<const TaskTerms>(terms), std::nullopt});
    if (known_.size() > kKept) known_.pop_back();
  } else if (found != known_.begin()) {
    std::rotate(known_.begin(), found, found + 1);
  }
  return known_.front();
}

namespace {

// Zero stands for a vacant place.
uint64_t digest_of(std::string_view guid) { return std::max<uint64_t>(hash64(guid), 1); }

}  // namespace

bool ForgottenGuids::has(uint64_t digest) const {
  return table_.find(digest, [](const Place&) { return true; }) != nullptr;
}

bool ForgottenGuids::contains(std::string_view guid) const { return has(digest_of(guid)); }

void ForgottenGuids::add(std::string_view guid) { add_digest(digest_of(guid)); }

void ForgottenGuids::add_digest(uint64_t digest) {
  if (has(digest)) return;
  table_.insert(Place{digest});
  order_.push_back(digest);
  if (order_.size() <= kept_) return;
  table_.erase(order_.front(), [](const Place&) { return true; });
  order_.pop_front();
}

}  // namespace muster
