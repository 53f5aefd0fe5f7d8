#include "io/archive_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "core/guid.h"
#include "io/archive_name.h"
#include "io/clock.h"
#include "io/sha256.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGuid[] = "https://lab.example/job/1234";

ArchiveName name_of(const std::string& name, uint32_t attempt = 1) {
  return {kGuid, attempt, name};
}

class ArchiveStoreTest : public ScratchFiles {
 protected:
  ArchiveStoreTest() : store_(path("archive"), 0) {}

  ArchiveReply put(const ArchiveName& name, std::optional<uint64_t> offset,
                   std::string_view bytes) {
    return store_.append(name, offset, bytes, clock_.now());
  }
  void put_whole(const ArchiveName& name, const std::string& bytes) {
    ASSERT_TRUE(put(name, 0, bytes).ok());
    const ArchiveReply done = store_.complete(name, bytes.size(), sha256_hex(bytes), clock_.now());
    ASSERT_TRUE(done.ok()) << done.reason;
  }
  std::string content(const ArchiveName& name) {
    const OpenedArchiveFile file = store_.open(name);
    EXPECT_TRUE(file.reply.ok()) << file.reply.reason;
    std::string text(file.reply.bytes, '\0');
    EXPECT_EQ(::pread(file.fd.get(), text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
    return text;
  }
  std::string folder() const { return path("archive/" + percent_encode(kGuid)); }
  ArchiveSweep sweep(Duration keep, uint64_t bytes_max, Duration later = Duration(0)) {
    return store_.sweep({keep, bytes_max}, clock_.now() + later);
  }

  SystemClock clock_;
  ArchiveStore store_;
};

TEST_F(ArchiveStoreTest, AFileGrowsAndIsCompleted) {
  EXPECT_EQ(put(name_of("log"), 0, "one ").bytes, 4u);
  EXPECT_EQ(put(name_of("log"), 4, "two").bytes, 7u);
  EXPECT_FALSE(store_.look(name_of("log")).complete);
  const std::string digest = sha256_hex("one two");
  const ArchiveReply done = store_.complete(name_of("log"), 7, digest, clock_.now());
  EXPECT_TRUE(done.ok() && done.complete) << done.reason;
  EXPECT_EQ(store_.look(name_of("log")).sha256, digest);
  EXPECT_EQ(content(name_of("log")), "one two");
  EXPECT_TRUE(store_.complete(name_of("log"), 7, digest, clock_.now()).ok()) << "said twice";
}

TEST_F(ArchiveStoreTest, AnotherOffsetIsRefusedWithThePresentLength) {
  put(name_of("log"), 0, "12345");
  for (const uint64_t offset : {0, 4, 6, 1000}) {
    const ArchiveReply reply = put(name_of("log"), offset, "x");
    EXPECT_EQ(reply.fault, ArchiveFault::wrong_offset) << offset;
    EXPECT_EQ(reply.bytes, 5u);
  }
  EXPECT_EQ(content(name_of("log")), "12345");
}

TEST_F(ArchiveStoreTest, NothingIsAddedToWhatIsComplete) {
  put_whole(name_of("log"), "all");
  EXPECT_EQ(put(name_of("log"), 3, "more").fault, ArchiveFault::is_complete);
  EXPECT_EQ(put(name_of("log"), std::nullopt, "more").fault, ArchiveFault::is_complete);
  EXPECT_EQ(store_.complete(name_of("log"), 3, sha256_hex("ALL"), clock_.now()).fault,
            ArchiveFault::is_complete);
  EXPECT_EQ(content(name_of("log")), "all");
}

TEST_F(ArchiveStoreTest, AWrongDigestStartsOver) {
  put(name_of("log"), 0, "damaged");
  const ArchiveReply reply =
      store_.complete(name_of("log"), 7, sha256_hex("as sent"), clock_.now());
  EXPECT_EQ(reply.fault, ArchiveFault::wrong_digest);
  EXPECT_EQ(reply.bytes, 0u);
  EXPECT_EQ(store_.look(name_of("log")).bytes, 0u);
  put_whole(name_of("log"), "as sent");
}

TEST_F(ArchiveStoreTest, AWrongLengthOrNoDigestAtAllCompletesNothing) {
  put(name_of("log"), 0, "1234");
  EXPECT_EQ(store_.complete(name_of("log"), 5, sha256_hex("12345"), clock_.now()).fault,
            ArchiveFault::wrong_offset);
  EXPECT_EQ(store_.complete(name_of("log"), 4, "beef", clock_.now()).fault,
            ArchiveFault::wrong_digest);
  EXPECT_EQ(store_.look(name_of("log")).bytes, 4u) << "nothing was said about its bytes";
  EXPECT_EQ(store_.complete(name_of("other"), 4, sha256_hex("1234"), clock_.now()).fault,
            ArchiveFault::absent);
}

TEST_F(ArchiveStoreTest, AnEmptyFileCanBeCompleted) {
  const ArchiveReply done = store_.complete(name_of("empty"), 0, sha256_hex(""), clock_.now());
  EXPECT_TRUE(done.ok()) << done.reason;
  EXPECT_TRUE(store_.look(name_of("empty")).complete);
}

TEST_F(ArchiveStoreTest, NamesThatLeadElsewhereAreRefused) {
  const std::string long_part(256, 'x');
  std::string deep = "x";
  for (int i = 0; i < 17; ++i) deep += "/x";
  const std::vector<std::string> bad = {"",
                                        "/etc/passwd",
                                        "../log",
                                        "a/../../log",
                                        "a//b",
                                        ".",
                                        "a/.",
                                        "a/",
                                        "..",
                                        long_part,
                                        deep,
                                        "a\nb",
                                        "\xff",
                                        ".muster/x",
                                        ".muster",
                                        std::string("a\0b", 3),
                                        std::string(1025, 'a')};
  for (const std::string& name : bad) {
    EXPECT_EQ(put(name_of(name), 0, "x").fault, ArchiveFault::bad_name) << quote_text(name);
    EXPECT_EQ(store_.look(name_of(name)).fault, ArchiveFault::bad_name) << quote_text(name);
  }
  EXPECT_EQ(put({kGuid, 0, "log"}, 0, "x").fault, ArchiveFault::bad_name);
  EXPECT_EQ(put({kGuid, kAttemptsMax + 1, "log"}, 0, "x").fault, ArchiveFault::bad_name);
  EXPECT_EQ(put({"short", 1, "log"}, 0, "x").fault, ArchiveFault::bad_name);
  EXPECT_FALSE(std::filesystem::exists(path("archive"))) << "refused before anything is made";
}

TEST_F(ArchiveStoreTest, OddNamesAreNamesLikeOthers) {
  std::string deep = "x";
  for (int i = 0; i < 16; ++i) deep += "/x";
  for (const std::string& name :
       {std::string("a b"), std::string("%2F"), std::string("..."), std::string("a/.muster/b"),
        std::string("-rf"), std::string("\xC3\xA5.txt"), std::string(255, 'x'), deep}) {
    put_whole(name_of(name), "bytes of " + name);
    EXPECT_EQ(content(name_of(name)), "bytes of " + name);
  }
  const auto listed = store_.list(kGuid);
  ASSERT_TRUE(listed.ok() && *listed);
  EXPECT_EQ((*listed)->files.size(), 8u);
}

TEST_F(ArchiveStoreTest, LinksAndDevicesAreNotFollowed) {
  put(name_of("log"), 0, "x");
  write("outside/secret", "secret");
  const std::string attempt = folder() + "/1";
  ASSERT_EQ(::symlink(path("outside").c_str(), (attempt + "/dir").c_str()), 0);
  ASSERT_EQ(::symlink(path("outside/secret").c_str(), (attempt + "/file").c_str()), 0);
  ASSERT_EQ(::mkfifo((attempt + "/pipe").c_str(), 0600), 0);
  for (const char* name : {"dir/secret", "file", "pipe"}) {
    EXPECT_FALSE(put(name_of(name), std::nullopt, "overwritten").ok()) << name;
    EXPECT_FALSE(store_.look(name_of(name)).ok()) << name;
  }
  EXPECT_EQ(std::filesystem::file_size(path("outside/secret")), 6u);
}

// The uploader tried for ever.
TEST_F(ArchiveStoreTest, AFolderAndAFileOfOneNameDoNotMixAndNeverWill) {
  put_whole(name_of("out"), "a file");
  put_whole(name_of("dir/report"), "x");
  ASSERT_EQ(::symlink("out", (folder() + "/1/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((folder() + "/1/pipe").c_str(), 0600), 0);
  for (const char* name : {"out/report", "out/deep/report", "dir", "link", "link/x", "pipe"}) {
    const ArchiveReply reply = put(name_of(name), 0, "x");
    EXPECT_EQ(reply.fault, ArchiveFault::bad_name) << name << ": " << reply.reason;
    EXPECT_EQ(store_.look(name_of(name)).fault, ArchiveFault::bad_name) << name;
  }
}

// Nothing is given up for what people can mend.
TEST_F(ArchiveStoreTest, AnArchiveThatIsNoDirectoryIsWaitedFor) {
  write("archive", "a file");
  EXPECT_EQ(put(name_of("log"), 0, "x").fault, ArchiveFault::failed);
  EXPECT_EQ(store_.look(name_of("log")).fault, ArchiveFault::failed);
  std::filesystem::remove(path("archive"));
  write("archive/" + percent_encode(kGuid), "a file");
  EXPECT_EQ(put(name_of("log"), 0, "x").fault, ArchiveFault::failed);
  EXPECT_EQ(store_.look(name_of("log")).fault, ArchiveFault::failed);
}

TEST_F(ArchiveStoreTest, ListsWithWhatIsKnown) {
  put_whole(name_of("log", 2), "second");
  put_whole(name_of("out/report.xml", 1), "<xml/>");
  put(name_of("log", 1), 0, "first");
  const auto listed = store_.list(kGuid);
  ASSERT_TRUE(listed.ok() && *listed);
  std::vector<std::string> lines;
  for (const ArchivedFile& file : (*listed)->files) {
    lines.push_back(std::to_string(file.attempt) + " " + file.name + " " +
                    std::to_string(file.bytes) + (file.complete ? " complete" : ""));
    EXPECT_NE(file.stored, kNever);
  }
  EXPECT_THAT(lines, ElementsAre("1 log 5", "1 out/report.xml 6 complete", "2 log 6 complete"));
  EXPECT_FALSE((*listed)->pinned);
  const auto unknown = store_.list("nobody-knows-it");
  ASSERT_TRUE(unknown.ok());
  EXPECT_FALSE(*unknown);
}

TEST_F(ArchiveStoreTest, TheNoteBesideAFileSaysWhoseItIs) {
  put_whole(name_of("out/report.xml"), "<xml/>");
  const auto note = nlohmann::json::parse(
      *read_file(folder() + "/1/.muster/out%2Freport.xml.json", 4096), nullptr, false);
  EXPECT_EQ(note["guid"], kGuid);
  EXPECT_EQ(note["attempt"], 1);
  EXPECT_EQ(note["name"], "out/report.xml");
  EXPECT_EQ(note["bytes"], 6);
  EXPECT_EQ(note["complete"], true);
  EXPECT_EQ(note["sha256"], sha256_hex("<xml/>"));
  EXPECT_NE(parse_rfc3339(note["stored"].get<std::string>()), kNever);
}

TEST_F(ArchiveStoreTest, TwoHundredAppendersAtOnceKeepTwoHundred) {
  constexpr int kAppenders = 200;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kAppenders; ++i) {
    threads.emplace_back([this, i] {
      const std::string line = "line " + std::to_string(1000 + i) + "\n";
      const ArchiveReply reply = put(name_of("log"), std::nullopt, line);
      EXPECT_TRUE(reply.ok()) << reply.reason;
    });
  }
  threads.clear();  // joins
  std::vector<bool> seen(kAppenders, false);
  const std::string text = content(name_of("log"));
  ASSERT_EQ(text.size(), kAppenders * 10u);
  for (size_t at = 0; at < text.size(); at += 10) {
    ASSERT_EQ(text.substr(at, 5), "line ");
    seen[std::stoul(text.substr(at + 5, 4)) - 1000] = true;
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), kAppenders);
}

TEST_F(ArchiveStoreTest, AnAppendThatDoesNotFitIsTakenBackAndSaysSo) {
  put(name_of("log"), 0, "12345");
  const ArchiveStore full(path("archive"), UINT64_MAX / 2);
  const ArchiveReply reply = full.append(name_of("log"), 5, "x", clock_.now());
  EXPECT_EQ(reply.fault, ArchiveFault::no_room);
  EXPECT_EQ(reply.bytes, 5u);
  EXPECT_THAT(reply.reason, HasSubstr("nearly full"));
}

TEST_F(ArchiveStoreTest, SweepsByAge) {
  put_whole(name_of("log"), "old");
  EXPECT_EQ(sweep(1h, UINT64_MAX, 59min).removed_folders, 0u);
  const ArchiveSweep swept = sweep(1h, UINT64_MAX, 61min);
  EXPECT_EQ(swept.removed_folders, 1u);
  EXPECT_EQ(swept.removed_bytes, 3u);
  EXPECT_FALSE(std::filesystem::exists(folder()));
  EXPECT_TRUE(swept.problems.empty());
}

TEST_F(ArchiveStoreTest, SweepsTheOldestUntilTheRestFits) {
  for (int i = 0; i < 4; ++i) {
    const ArchiveName name{"task-number-" + std::to_string(i), 1, "log"};
    put_whole(name, std::string(100, 'x'));
    const auto age = std::chrono::hours(10 - i);
    std::filesystem::last_write_time(path("archive/task-number-" + std::to_string(i) + "/1/log"),
                                     std::filesystem::file_time_type::clock::now() - age);
  }
  const ArchiveSweep swept = sweep(24h, 250);
  EXPECT_EQ(swept.removed_folders, 2u);
  EXPECT_EQ(swept.bytes, 200u);
  EXPECT_FALSE(std::filesystem::exists(path("archive/task-number-1")));
  EXPECT_TRUE(std::filesystem::exists(path("archive/task-number-2")));
}

TEST_F(ArchiveStoreTest, NeverSweepsWhatIsPinned) {
  put_whole(name_of("log"), "precious");
  ASSERT_TRUE(store_.pin(kGuid, true).ok());
  EXPECT_TRUE((*store_.list(kGuid))->pinned);
  EXPECT_EQ(sweep(1h, 0, 48h).removed_folders, 0u);
  ASSERT_TRUE(store_.pin(kGuid, false).ok());
  EXPECT_EQ(sweep(1h, 0, 48h).removed_folders, 1u);
}

TEST_F(ArchiveStoreTest, NeverSweepsWhatIsBeingWritten) {
  put_whole(name_of("out"), "whole");
  put(name_of("log"), 0, "still grows");
  EXPECT_EQ(sweep(1h, 0, kArchiveWritingMax - 1h).removed_folders, 0u);
  EXPECT_EQ(sweep(1h, 0, kArchiveWritingMax + 1h).removed_folders, 1u)
      << "nobody writes it any more";
}

// What a job puts below a folder of that name of its own counts like everything else.
TEST_F(ArchiveStoreTest, ASweepWeighsWhatLiesInAFolderCalledLikeTheArchivesOwn) {
  put_whole(name_of("out/.muster/big"), std::string(1000, 'x'));
  EXPECT_EQ(sweep(24h, UINT64_MAX).bytes, 1000u);
  EXPECT_EQ(sweep(24h, 500).removed_bytes, 1000u);
  put(name_of("out/.muster/grows"), 0, "x");
  EXPECT_EQ(sweep(1h, 0, 48h).removed_folders, 0u) << "it is being written";
}

TEST_F(ArchiveStoreTest, ASweepThatWasInterruptedIsFinished) {
  put_whole(name_of("log"), "x");
  write("archive/.muster/trash/task-number-7/1/log", "half removed");
  sweep(1h, UINT64_MAX);
  EXPECT_FALSE(std::filesystem::exists(path("archive/.muster/trash/task-number-7")));
  EXPECT_EQ(content(name_of("log")), "x");
}

TEST_F(ArchiveStoreTest, ATaskThatWasSweptCanBeStoredAgain) {
  put_whole(name_of("log"), "x");
  ASSERT_EQ(sweep(1h, 0, 48h).removed_folders, 1u);
  EXPECT_EQ(put(name_of("log"), 1, "y").fault, ArchiveFault::wrong_offset);
  put_whole(name_of("log"), "anew");
  EXPECT_EQ(content(name_of("log")), "anew");
}

TEST(ArchiveName, AddressesLeadBackToTheirArchive) {
  const ArchiveName log{kGuid, 3, "log"};
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"file:///var/archive", "file:///var/archive/https%3A%2F%2Flab.example%2Fjob%2F1234/3/log"},
      {"http://box:7180",
       "http://box:7180/archive/v1/https%3A%2F%2Flab.example%2Fjob%2F1234/3/log"},
      {"https://box/lab/",
       "https://box/lab/archive/v1/https%3A%2F%2Flab.example%2Fjob%2F1234/3/log"},
      {"http+unix://%2Frun%2Fcollector.http",
       "http+unix://%2Frun%2Fcollector.http/archive/v1/"
       "https%3A%2F%2Flab.example%2Fjob%2F1234/3/log"},
      {"ftp://box/logs", "ftp://box/logs/https%253A%252F%252Flab.example%252Fjob%252F1234/3/log"}};
  for (const auto& [base, url] : rows) {
    EXPECT_EQ(invalid_archive_base(base), std::nullopt);
    EXPECT_EQ(archive_url(base, log), url);
    std::string plain = base;
    if (plain.ends_with('/')) plain.pop_back();
    EXPECT_EQ(archive_base_of(url), plain);
  }
  EXPECT_EQ(archive_url("http://box", {kGuid, 1, "a b/\xC3\xA5"}),
            "http://box/archive/v1/https%3A%2F%2Flab.example%2Fjob%2F1234/1/a%20b/%C3%A5");
}

// "log" and "artifacts/log" were one file there; and what lay in a folder "log" could never be put
// below the console log, which is a file.
TEST(ArchiveName, NoTwoArtifactsShareANameOrAFoldersName) {
  EXPECT_EQ(archived_as("log"), "artifacts/log");
  EXPECT_EQ(archived_as("log/a"), "artifacts/log/a");
  EXPECT_EQ(archived_as("log/b/c"), "artifacts/log/b/c");
  EXPECT_EQ(archived_as("artifacts/log"), "artifacts/artifacts/log");
  EXPECT_EQ(archived_as("artifacts/log/a"), "artifacts/artifacts/log/a");
  EXPECT_EQ(archived_as("artifacts"), "artifacts/artifacts") << "it would be the folder of log";
  EXPECT_EQ(archived_as("artifacts/artifacts"), "artifacts/artifacts/artifacts");
  for (const char* own : {"logs", "logs/a", "out/log", "out/log/a", "artifacts/out/log",
                          "artifacts/logs", "artifacts2"}) {
    EXPECT_EQ(archived_as(own), own);
  }
}

TEST(ArchiveName, AddressesThatAreNoneAreRefused) {
  for (const char* base : {"", "archive", "file://archive", "gopher://box", "http://", "ftp://",
                           "http+unix://", "http+unix://run%2Fsocket"}) {
    EXPECT_NE(invalid_archive_base(base), std::nullopt) << base;
  }
  for (const char* url : {"", "log", "/3/log", "http://box/elsewhere/guid/3/log", "file://x/y"}) {
    EXPECT_EQ(archive_base_of(url), std::nullopt) << url;
  }
}

TEST(ArchiveName, PathsOfRequestsAreRead) {
  const auto parsed = parse_archive_path("/archive/v1/https%3A%2F%2Flab.example%2F1/2/out/a%20b");
  ASSERT_TRUE(parsed.ok()) << parsed.error();
  EXPECT_EQ(*parsed, (ArchiveName{"https://lab.example/1", 2, "out/a b"}));
  const auto folder = parse_archive_path("/archive/v1/task-number-1/");
  ASSERT_TRUE(folder.ok()) << folder.error();
  EXPECT_EQ(*folder, (ArchiveName{"task-number-1", 0, ""}));
  for (const char* path :
       {"/", "/archive/v1/", "/archive/v2/task-number-1/1/log", "/archive/v1/short/1/log",
        "/archive/v1/task-number-1/0/log", "/archive/v1/task-number-1/01/log",
        "/archive/v1/task-number-1/x/log", "/archive/v1/task-number-1/1/",
        "/archive/v1/task-%zz/1/x", "/archive/v1/task-number-1/1/..%2f..%2fetc",
        "/archive/v1/task-number-1/1/../../x", "/archive/v1/task-number-1/1/%2Fetc/passwd",
        "/archive/v1/task-number-1/1/a%00b", "/archive/v1/task-number-1/21/log",
        "/archive/v1/task-number-1/1/.muster/x"}) {
    EXPECT_FALSE(parse_archive_path(path).ok()) << path;
  }
}

}  // namespace
}  // namespace muster
