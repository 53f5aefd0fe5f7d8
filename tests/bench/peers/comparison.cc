#include "tests/bench/peers/comparison.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace muster::bench {
namespace {

using Row = std::vector<std::string>;

constexpr double kMegabyte = 1e6;

double median_by(const std::vector<PeerRun>& runs, double PeerRun::*member) {
  std::vector<double> values;
  for (const PeerRun& run : runs) values.push_back(run.*member);
  return median(values);
}

// "83,600"
std::string with_commas(double value) {
  std::string digits = std::to_string(std::llround(value));
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

// muster : peer
std::string ratio(double muster, double peer) {
  if (muster <= 0 || peer <= 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", muster / peer);
  return text;
}

Row make_row(const Compared& compared, const PeerRun& muster) {
  if (compared.runs.empty()) return {compared.title, "-", "-", "-", "-", "-", "-"};
  const PeerRun run = median_of(compared.runs);
  const bool own = compared.key.empty();
  return {compared.title,
          with_commas(run.tasks_per_s),
          own ? "" : ratio(muster.tasks_per_s, run.tasks_per_s),
          with_commas(run.p50_us),
          with_commas(run.p99_us),
          own ? "" : ratio(muster.p50_us, run.p50_us),
          with_commas(run.bytes / kMegabyte)};
}

std::string render_markdown(const std::vector<Row>& rows) {
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const std::string& cell : rows[i]) text += "| " + cell + (cell.empty() ? "" : " ");
    text += "|\n";
    if (i > 0) continue;
    for (size_t column = 0; column < rows[i].size(); ++column)
      text += column ? "| ---: " : "| --- ";
    text += "|\n";
  }
  return text;
}

std::string render_aligned(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = row[0] + std::string(widths[0] - row[0].size(), ' ');
    for (size_t i = 1; i < row.size(); ++i) {
      line += "  " + std::string(widths[i] - row[i].size(), ' ') + row[i];
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace

PeerRun median_of(const std::vector<PeerRun>& runs) {
  return {median_by(runs, &PeerRun::tasks_per_s), median_by(runs, &PeerRun::p50_us),
          median_by(runs, &PeerRun::p99_us), median_by(runs, &PeerRun::bytes)};
}

std::string render_comparison(const std::vector<Compared>& compared, TableStyle style) {
  std::vector<Row> rows = {{"broker", "tasks/s", "x", "p50 us", "p99 us", "x", "server MB"}};
  const PeerRun muster = compared.empty() ? PeerRun() : median_of(compared.front().runs);
  for (const Compared& one : compared) rows.push_back(make_row(one, muster));
  return style == TableStyle::markdown ? render_markdown(rows) : render_aligned(rows);
}

Figures make_peer_figures(const std::vector<Compared>& compared) {
  Figures figures;
  for (const Compared& one : compared) {
    if (one.runs.empty()) continue;
    const PeerRun run = median_of(one.runs);
    const bool own = one.key.empty();
    const std::string tasks = own ? "" : "peer_" + one.key + "_";
    const std::string other = own ? "durable_" : tasks;
    figures.push_back({tasks + "durable_tasks_per_s", run.tasks_per_s, "tasks/s", ""});
    figures.push_back({other + "p50_us", run.p50_us, "us", ""});
    figures.push_back({other + "p99_us", run.p99_us, "us", ""});
    figures.push_back({other + "rss_bytes", run.bytes, "bytes", ""});
  }
  return figures;
}

}  // namespace muster::bench
