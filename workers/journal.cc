#include "workers/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "core/limits.h"
#include "io/codec.h"

namespace muster {

namespace {

constexpr size_t kHeaderBytes = 8;
// A report is far smaller (make_reportable); what says more is no record.
constexpr size_t kRecordBytesMax = 4 * kReportBytesMax;
constexpr size_t kReadBytes = 512 << 10;
static_assert(kReadBytes > kRecordBytesMax + kHeaderBytes);

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0u);
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = make_crc_table();

uint32_t crc32(std::string_view bytes) {
  uint32_t value = ~0u;
  for (const char c : bytes) {
    value = (value >> 8) ^ kCrcTable[(value ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return ~value;
}

void append_u32(std::string& out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((value >> shift) & 0xff);
}

uint32_t read_u32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value |= uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

}  // namespace

Result<Done> JournalWriter::open(const std::string& path) {
  path_ = path;
  fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd_.valid()) return Error{"cannot create " + path + ": " + errno_text(errno)};
  return Done{};
}

Result<Done> JournalWriter::reopen(const std::string& path) {
  path_ = path;
  JournalReader reader(path);
  for (size_t more = 1; more > 0; records_ += more) more = reader.read_some().size();
  size_ = reader.offset();
  fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd_.valid() && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) == 0) return Done{};
  return Error{"cannot go on with " + path + ": " + errno_text(errno)};
}

void JournalWriter::append(const AttemptToken& token, Instant time, ReportBody body) {
  const std::string bytes = encode_report(Report{++records_, token, time, std::move(body)});
  std::string record;
  record.reserve(kHeaderBytes + bytes.size());
  append_u32(record, static_cast<uint32_t>(bytes.size()));
  append_u32(record, crc32(bytes));
  record += bytes;
  waiting_.push_back(std::move(record));
  static_cast<void>(flush());  // flushed() tells
}

Result<Done> JournalWriter::flush() {
  while (!waiting_.empty()) {
    const std::string& record = waiting_.front();
    const ssize_t written =
        ::pwrite(fd_.get(), record.data(), record.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written != static_cast<ssize_t>(record.size())) {
      const int error_number = written < 0 ? errno : ENOSPC;
      return Error{"cannot write " + path_ + ": " + errno_text(error_number)};
    }
    size_ += record.size();
    waiting_.pop_front();
  }
  return Done{};
}

std::vector<Report> JournalReader::read_some() {
  std::vector<Report> reports;
  if (!fd_.valid()) fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd_.valid() || ::fstat(fd_.get(), &info) != 0) return reports;
  const uint64_t size = static_cast<uint64_t>(info.st_size);
  if (size <= offset_) return reports;
  std::string bytes(std::min<uint64_t>(size - offset_, kReadBytes), '\0');
  const ssize_t read = ::pread(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset_));
  if (read <= 0) return reports;
  std::string_view rest(bytes.data(), static_cast<size_t>(read));
  while (rest.size() >= kHeaderBytes) {
    const size_t length = read_u32(rest);
    if (length > kRecordBytesMax || length > rest.size() - kHeaderBytes) break;
    const std::string_view record = rest.substr(kHeaderBytes, length);
    if (crc32(record) != read_u32(rest.substr(4))) break;
    Result<Report> report = decode_report(record);
    if (!report.ok()) break;
    reports.push_back(std::move(*report));
    rest.remove_prefix(kHeaderBytes + length);
    offset_ += kHeaderBytes + length;
  }
  return reports;
}

}  // namespace muster
