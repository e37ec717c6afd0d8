#include "allocator.h"

#include <mimalloc.h>

static void lay_out_memory(int count, char **arguments, char **environment) {
    (void)count, (void)arguments, (void)environment;
    // A report touches hundreds of megabytes once, and faults of 4 KiB pages were a fifth of its time. From the first
    // byte on: by default each thread's first blocks would lie in small pages.
    mi_option_set(mi_option_large_os_pages, 1);
    mi_option_set(mi_option_eager_commit_delay, 0);
    // What is given back is soon touched again, which costs more than all that is left of most commands is worth.
#if MI_MALLOC_VERSION >= 212
    mi_option_set(mi_option_purge_delay, -1);
#else
    mi_option_set(mi_option_allow_decommit, 0);
#endif
}

// Before the libraries' own constructors, which allocate already.
__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(int, char **, char **) =
    lay_out_memory;

void wl_give_back_memory(void) { mi_collect(true); }
