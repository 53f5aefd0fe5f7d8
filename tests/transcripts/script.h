// Transcripts: commands that drive a BrokerCore, each followed by all that it decided.
//
//   transcript = { comment | chunk }
//   chunk      = command { argument line } "----" { output line } blank line
//   comment    = a line that begins with "#", or a blank line
// Commands stand in docs below; the words of the output are those of describe.h.
//
//   hello PEER ROLE NAME [protocol=MIN..MAX]
//   inventory PEER            then lines   DEVICE WORKER [KEY=VALUE...] [strategy=S] [pool=P]
//                                          [lister=L] | stack NAME DEVICE... | allow SELECTOR
//   submit PEER [watch]       then lines   GUID [verify|repair] [device=NAME | select=SELECTOR]...
//   [pool=P]
//                                          [priority=N] [queue=D] [infra=N] [test=N] [wait]
//                                          [use=ROLE~NAME-OR-SELECTOR[~WITH]]...
//                                          [before=fresh|always] [level=L] [repairs] [budget=D]
//   cancel PEER GUID...
//   change PEER lock|unlock|quarantine|release DEVICE... [reason=WORD] [who=WORD]
//   watch PEER GUID...
//   sync PEER inc=N [slots=N] [credit=N] [held=TOKEN:running,...] [n=N] [pools=P,...]
//        [listed=DEVICE:LISTER[:SERIAL],...] [listers=LISTER,...]
//   partial PEER inc=N [n=N]  both then lines   SEQ TOKEN started | record TEXT | case OUTCOME NAME
//                                          | action TAG (a repair action began) | progress TEXT
//                                          | ending OUTCOME CAUSE [MESSAGE [BLAME]]
//                                          | unbegun OUTCOME CAUSE [MESSAGE] (handed back)
//   ask PEER task GUID | explain GUID | tasks | devices | workers | status
//   beat PEER      stray PEER (a message that nobody asks the broker)      gone PEER
//   dispatch       advance DURATION (Tick at each deadline on the way)     tick
//   disk low | fine
//   restart        a new core recovers from the log; prints whether its digest is the same
// A SEQ is "incarnation.counter", a TOKEN is "GUID/attempt".
#pragma once

#include <string>
#include <vector>

namespace muster {

struct Chunk {
  std::vector<std::string> before;  // comments and blank lines
  std::string command;
  std::vector<std::string> arguments;  // the lines under it
  std::vector<std::string> output;
};

struct Transcript {
  std::vector<Chunk> chunks;
  std::vector<std::string> after;  // comments after the last chunk
};

Transcript parse_transcript(const std::string& text);
std::string format_transcript(const Transcript& transcript);

}  // namespace muster
