#ifndef WATERLINE_PAGE_FORMAT_H
#define WATERLINE_PAGE_FORMAT_H

// What both sides of this target know of pages: the VFS that writes and checks them, and who looks at a file beside it.

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

// From SQLite's file format, 1.3: the header of page 1.
enum { HEADER = 100, PAGE_SIZE_AT = 16, RESERVED_AT = 20, APPLICATION_AT = 68 };
enum { PAGE_MIN = 512, PAGE_MAX = 65536, CHECKSUM = 8 };

#pragma GCC visibility push(hidden)

bool wl_is_page_size(int64_t length);
bool wl_is_database(const unsigned char *header);
int wl_page_size_of(const unsigned char *header);

uint64_t wl_checksum_of(const unsigned char *page, int length, uint32_t number);
uint64_t wl_checksum_in(const unsigned char *page, int length);
void wl_seal(unsigned char *page, int length, uint32_t number);

// Whether page 1 says that there is room for checksums. A Waterline file whose byte for it was changed gives itself
// away: its checksum is that of the page with the right byte.
bool wl_has_room(unsigned char *page, int length);

// The VFS below ours; NULL until wl_page_checksum_register.
sqlite3_vfs *wl_vfs_below(void);

#pragma GCC visibility pop

#endif
