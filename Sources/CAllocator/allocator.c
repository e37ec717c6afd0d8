#include "allocator.h"

// Read by jemalloc when the program starts (its manual, "TUNING").
//
// thp:always: a report touches hundreds of megabytes once, and faults of 4 KiB pages were a fifth of its time; see
// docs/performance.md. percpu_arena: what one worker frees the next one finds, however many cores there are.
const char *malloc_conf = "thp:always,percpu_arena:percpu";
