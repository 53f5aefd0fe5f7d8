// For clang-tidy only, included before everything else: Debian's kj leaves out two comparisons in
// C++20 because the compiler finds them by itself, which clang since 16 (P2468) does not do.
#pragma once

#include <compare>
#include <string>

#pragma push_macro("__cpp_impl_three_way_comparison")
#undef __cpp_impl_three_way_comparison
#include <kj/string.h>
#pragma pop_macro("__cpp_impl_three_way_comparison")
