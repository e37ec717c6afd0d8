#pragma once

/// How jemalloc, which the program is linked with, lays out its memory: in huge pages.
extern const char *malloc_conf;
