#ifndef WATERLINE_CPAGECHECKSUM_H
#define WATERLINE_CPAGECHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

/// Checksums for the pages of SQLite database files, and gathered writes to their logs: a VFS over the one that is the
/// default when it is registered.
///
/// The last 8 bytes of a page, which SQLite leaves alone when they are reserved, hold XXH3-64 of the bytes before
/// them, seeded with the page's number, little-endian. They are put there when a page is written to the database
/// file and checked when one is read; a page that does not match gives an extended code of SQLITE_CORRUPT. SQLite itself always
/// sees zeros there, so a program without this VFS that moves pages from the WAL to the file leaves zeros behind:
/// such a page counts as unsealed, not as damaged.

/// Makes the VFS the default of this process, once, and spares SQLite the counting of its memory; further calls do
/// nothing.
/// Returns an SQLite result code.
int wl_page_checksum_register(void);

/// Reserves room for checksums: takes effect when the file is created, or by VACUUM. `connection` is a `sqlite3 *`.
/// Returns an SQLite result code.
int wl_page_checksum_reserve(void *connection);

/// Says that what is written to a file that is still empty will have room: pages may go there before page 1 tells.
/// Returns an SQLite result code.
int wl_page_checksum_expect(void *connection);

/// Has one connection read `page` in the place of a page that fails its check, until it is closed. For mending only:
/// SQLite takes these bytes for what was stored. Returns an SQLite result code.
int wl_page_checksum_substitute(void *connection, uint32_t number, const unsigned char *page, int length);

/// Has a connection in WAL mode write what lies one behind the other in the log with one call instead of two a page.
/// Only for `synchronous = FULL`: a commit is synced, and so written, before others see it. Not with
/// `locking_mode = EXCLUSIVE`: what was taken back is dropped when the lock of the log is given back. Returns false, and
/// leaves all as it was, where the log is not open yet, or the disk may harm bytes beside those it writes.
bool wl_gather_log_writes(void *connection);

/// Number of the page that last failed its check on this thread, and 0 if none did since the last call.
uint32_t wl_page_checksum_take_failure(void);

/// Whether a file is an SQLite database whose pages have no room for checksums. False too for an empty file, or
/// one that cannot be read.
bool wl_page_checksum_lacks_room(const char *path);

/// What a look at every page of a file found.
typedef struct {
  int64_t sealed;         ///< pages whose checksum is right
  int64_t unsealed;       ///< pages without one
  int64_t damaged;        ///< pages whose checksum is wrong
  int64_t first_damaged;  ///< the first of them, from 1; 0 if there is none
} wl_page_survey;

/// Reads every page of a database file, beside its connections: a page that is being written is read again.
/// Returns 0 or -errno; -ENODATA when the file has no room for checksums.
int wl_page_checksum_survey(const char *path, wl_page_survey *result);

/// Reads the header of a database file and the file's size, beside its connections.
/// Returns 0 or -errno; -ENODATA when it is no database.
int wl_database_header(const char *path, unsigned char header[100], int64_t *size);

/// A database file's pages as they stand in the file, whatever their checksums say. What the log holds is not seen.
typedef struct wl_raw_pages wl_raw_pages;

/// Returns 0 or -errno; -ENODATA when it is no database. To be closed.
int wl_raw_pages_open(const char *path, wl_raw_pages **result);

/// Reads a page, counted from 1, of the file's page size. Returns 1 if it is what was written, as far as it has a
/// checksum; 0 if it is not; -errno.
int wl_raw_pages_read(wl_raw_pages *pages, uint32_t number, unsigned char *page, int length);

void wl_raw_pages_close(wl_raw_pages *pages);

#endif
