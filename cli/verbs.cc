#include "cli/verbs.h"

#include "cli/failure.h"
#include "cli/parse.h"

namespace muster {
namespace {

// Runs the verb with what it needs: a session, or only somewhere to print.
struct DoVerb {
  const GlobalOptions& global;
  Output& output;
  std::string& peer;

  template <typename Options>
  int operator()(const Options& options) const {
    if constexpr (requires { do_verb(output, options); }) {
      return do_verb(output, options);
    } else {
      Session session(global, output);
      peer = session.endpoint();
      return do_verb(session, options);
    }
  }
};

CommandEnd run_invocation(const Invocation& invocation) {
  Output output(invocation.global);
  CommandEnd end;
  try {
    end.exit_status = std::visit(DoVerb{invocation.global, output, end.peer}, invocation.verb);
  } catch (const Failure& failure) {
    output.error(failure.error, failure.hint, failure.exit_status);
    end.exit_status = failure.exit_status;
    end.failure = failure;
  }
  if (!output.finish()) {
    end.exit_status = kExitLocal;
    end.failure = Failure{kExitLocal, "cannot write the answer to stdout", "is the disk full?"};
    output.error(end.failure->error, end.failure->hint, kExitLocal);
  }
  return end;
}

}  // namespace

CommandEnd run_arguments(const std::vector<std::string>& arguments) {
  const ParsedCommand parsed = parse_command_line(arguments);
  if (const auto* invocation = std::get_if<Invocation>(&parsed)) return run_invocation(*invocation);
  GlobalOptions global;
  if (const auto* help = std::get_if<HelpText>(&parsed)) {
    Output output(global);
    output.print(help->text);
    return {output.finish() ? kExitOk : kExitLocal, {}, ""};
  }
  const UsageFault& fault = std::get<UsageFault>(parsed);
  global.format = fault.format;
  Output(global).error(fault.message, fault.hint, kExitUsageError);
  return {kExitUsageError, Failure{kExitUsageError, fault.message, fault.hint}, ""};
}

int run_command(const std::vector<std::string>& arguments) {
  return run_arguments(arguments).exit_status;
}

}  // namespace muster
