// Every question that io/ledger.h answers, asked of one ledger and written down: two ledgers that
// were told the same must say the same, whatever they lie in.
#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "io/event_json.h"
#include "io/ledger.h"
#include "io/ledger_json.h"
#include "io/measure_json.h"

namespace muster {

class LedgerAnswers {
 public:
  LedgerAnswers(Ledger& ledger, std::vector<std::string> guids, std::vector<std::string> devices)
      : ledger_(ledger), guids_(std::move(guids)), devices_(std::move(devices)) {}

  std::string ask_all() {
    const LedgerPosition position = value(ledger_.position());
    out_ << "position " << position.log_id << " " << position.seq << "\n";
    for (const std::string& guid : guids_) ask_of_task(guid);
    for (const std::string& device : devices_) ask_of_device(device);
    ask_for_tasks();
    ask_for_events();
    for (const std::string& name : value(ledger_.strategies())) ask_of_strategy(name);
    ask_of_strategy("");
    for (const MeasureTable& table : value(ledger_.measure_tables())) {
      out_ << measure_table_to_json(table) << "\n";
      ask_of_table(table.name);
    }
    return out_.str();
  }

 private:
  template <typename Value>
  static Value value(Result<Value> result) {
    EXPECT_TRUE(result.ok()) << result.error();
    return result.ok() ? std::move(*result) : Value{};
  }

  void say(const LedgerTask& task) {
    out_ << "  task " << task.spec_json << " " << to_string(task.info.state) << " "
         << to_string(task.info.verdict) << " " << to_us(task.info.submitted) << " "
         << to_us(task.started) << " " << to_us(task.info.ended) << " "
         << to_us(task.info.not_before) << " [" << task.info.cancelling << "] "
         << task.info.attempt_count << " " << task.worker << " " << task.info.spec.work.size()
         << "\n";
    say(task.info.ending);
  }
  void say(const std::optional<Ending>& ending) {
    if (ending) out_ << "    " << ending_to_json(*ending) << "\n";
  }
  void say(const AttemptInfo& attempt) {
    out_ << "    attempt " << attempt.attempt << " " << attempt.worker << " "
         << names_to_json(attempt.devices) << " " << to_us(attempt.leased) << " " << attempt.log_url
         << "\n";
    say(attempt.ending);
  }
  void say(const CaseResult& one) {
    out_ << one.suite << "/" << one.name << " " << to_string(one.outcome) << " "
         << one.duration.count() << " " << one.message << "\n";
  }

  void ask_of_task(const std::string& guid) {
    out_ << "== " << guid << "\n";
    if (const std::optional<LedgerTask> task = value(ledger_.task(guid))) {
      say(*task);
      for (const AttemptInfo& attempt : task->info.attempts) say(attempt);
    }
    for (const LedgerResult& one : value(ledger_.results(guid))) {
      out_ << "  " << one.seq << " " << one.attempt << " " << to_us(one.time) << " ";
      say(one.result);
    }
    for (const auto& one : value(ledger_.sources(guid))) {
      out_ << "  source " << one.seq << " " << one.body.url << " " << one.body.ref << " "
           << one.body.sha << "\n";
    }
    for (const auto& one : value(ledger_.artifacts(guid))) {
      out_ << "  artifact " << one.seq << " " << one.body.name << " " << one.body.url << " "
           << one.body.bytes << " " << one.body.sha256 << "\n";
    }
    for (const auto& one : value(ledger_.measurements(guid))) {
      out_ << "  measured " << one.seq << " " << one.attempt << " " << to_us(one.time) << " "
           << one.body.table << " " << measure_row_to_json(one.body) << "\n";
    }
    for (size_t length = 1; length <= guid.size(); ++length) {
      out_ << "  prefix " << length << ":";
      for (const std::string& found : value(ledger_.find_guids(guid.substr(0, length), 4))) {
        out_ << " " << found;
      }
      out_ << "\n";
    }
    say_events({guid, "", 1, 1'000});
  }

  void ask_of_device(const std::string& device) {
    out_ << "== device " << device << "\n";
    for (const uint32_t max : {1u, 100u}) {
      for (const LedgerUse& use : value(ledger_.device_uses(device, max))) {
        out_ << "  use " << use.seq << " " << use.guid << " " << to_string(use.kind) << " "
             << use.name << " " << use.parent << "\n";
        say(use.attempt);
      }
      for (const LedgerJudgement& one : value(ledger_.device_judgements(device, max))) {
        out_ << "  judged " << one.seq << " " << to_us(one.time) << " "
             << to_string(one.judged.health) << " " << one.judged.reason << " " << one.judged.who
             << " " << one.judged.guid << " " << to_us(one.judged.until) << " "
             << one.judged.failures << "\n";
      }
      for (const LedgerRepair& one : value(ledger_.device_repairs(device, max))) {
        out_ << "  repair " << one.seq << " " << to_us(one.time) << " " << one.guid << " "
             << one.attempt << " ";
        say(one.result);
      }
    }
  }

  void ask_for_tasks() {
    for (const uint32_t max : {0u, 1u, 3u, 100u}) {
      LedgerTaskFilter filter;
      filter.max = max;
      out_ << "== tasks " << max << "\n";
      for (const LedgerTask& task : value(ledger_.tasks(filter))) say(task);
    }
    for (const TaskState state :
         {TaskState::queued, TaskState::leased, TaskState::running, TaskState::ended}) {
      for (const TaskKind kind : {TaskKind::verify, TaskKind::repair, TaskKind::job}) {
        LedgerTaskFilter filter;
        filter.state = state;
        filter.kind = kind;
        out_ << "== " << to_string(state) << " " << to_string(kind) << "\n";
        for (const LedgerTask& task : value(ledger_.tasks(filter))) say(task);
      }
    }
    for (const std::string& guid : guids_) {
      LedgerTaskFilter filter;
      filter.parent = guid;
      out_ << "== children of " << guid << "\n";
      for (const LedgerTask& task : value(ledger_.tasks(filter))) say(task);
    }
    for (const std::string& guid : value(ledger_.find_guids("last", 1)))
      out_ << "last " << guid << "\n";
  }

  void say_events(const LedgerEventFilter& filter) {
    out_ << "-- events " << filter.guid << " " << filter.type << " " << filter.from << "\n";
    for (const LedgerEvent& one : value(ledger_.events(filter))) {
      out_ << "  " << one.seq << " " << to_us(one.time) << " " << one.type << " " << one.guid << " "
           << one.worker << " " << one.json << "\n";
    }
  }
  void ask_for_events() {
    say_events({});
    say_events({"", "", 10, 5});
    say_events({"", "", UINT64_MAX, 5});
    for (const char* type : {"result", "worker_lost", "attempt_leased", "no_such_type"}) {
      say_events({"", type, 1, 1'000});
    }
  }

  void ask_of_strategy(const std::string& name) {
    out_ << "== strategy " << name << "\n";
    for (const LedgerActionRun& run : value(ledger_.action_runs(name))) {
      out_ << "  " << run.strategy << " " << run.model << " " << run.action << " "
           << to_string(run.outcome) << " " << run.duration.count() << "\n";
    }
  }

  void ask_of_table(const std::string& table) {
    const MeasureAnswer answer = value(ledger_.query_measurements({table, {}, 1'000}));
    out_ << "== table " << table << "\n";
    for (const MeasureAnswer::Row& row : answer.rows) {
      Measurement cells{table, {}};
      for (size_t i = 0; i < row.cells.size(); ++i) {
        if (row.cells[i]) cells.row.emplace_back(answer.columns[i], *row.cells[i]);
      }
      out_ << "  " << row.seq << " " << row.guid << " " << row.attempt << " " << to_us(row.time)
           << " " << measure_row_to_json(cells) << "\n";
    }
  }

  Ledger& ledger_;
  std::vector<std::string> guids_;
  std::vector<std::string> devices_;
  std::ostringstream out_;
};

}  // namespace muster
