#include "allocator.h"

#include <mimalloc.h>

static void lay_out_memory(int count, char **arguments, char **environment) {
    (void)count, (void)arguments, (void)environment;
    // A report touches hundreds of megabytes once, and faults of 4 KiB pages were a fifth of its time. From the first
    // byte on: the second option would leave the first blocks of each thread in small pages.
    mi_option_set(mi_option_large_os_pages, 1);
    mi_option_set(mi_option_eager_commit_delay, 0);
    // What is given back is soon touched again, which costs more than all that is left of the program is worth.
    mi_option_set(mi_option_allow_decommit, 0);
}

// Before the libraries' own constructors, which allocate already.
__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(int, char **, char **) =
    lay_out_memory;
