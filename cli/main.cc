#include "cli/verbs.h"

int main(int argc, char** argv) { return muster::run_command({argv + 1, argv + argc}); }
