#include "collectors/history_mark.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "io/file.h"
#include "io/json_writer.h"

namespace muster {
namespace {

constexpr size_t kBytesMax = 4 << 10;
constexpr Duration kWriteInterval = std::chrono::seconds(1);

std::optional<HistoryMark::Followed> read_mark(const std::string& file) {
  const Result<std::string> text = read_file(file, kBytesMax);
  if (!text.ok()) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  const bool is_ours = json.is_object() && json.contains("log") && json["log"].is_string() &&
                       json.contains("seq") && json["seq"].is_number_unsigned() &&
                       json.contains("time_us") && json["time_us"].is_number_integer();
  if (!is_ours) return std::nullopt;
  return HistoryMark::Followed{json["log"].get<std::string>(), json["seq"].get<uint64_t>(),
                               from_us(json["time_us"].get<int64_t>())};
}

}  // namespace

HistoryMark::HistoryMark(std::string file) : file_(std::move(file)) {
  if (!file_.empty()) newest_ = read_mark(file_);
}

void HistoryMark::note(Followed followed, Instant now) {
  newest_ = std::move(followed);
  is_kept_ = false;
  if (now < next_write_) return;
  next_write_ = now + kWriteInterval;
  keep();
}

void HistoryMark::keep() {
  if (is_kept_ || file_.empty() || !newest_) return;
  is_kept_ = true;
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.history/1");
  json.text("log", newest_->log_id);
  json.number("seq", newest_->seq);
  json.number("time_us", to_us(newest_->time));
  json.end_object();
  static_cast<void>(write_file_atomically(file_, json.take() + "\n"));
}

void HistoryMark::forget() {
  newest_.reset();
  is_kept_ = true;
  if (!file_.empty()) ::unlink(file_.c_str());
}

}  // namespace muster
