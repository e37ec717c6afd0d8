#ifndef WATERLINE_GATHERED_WRITES_H
#define WATERLINE_GATHERED_WRITES_H

// The file of a WAL, whose writes can be gathered: SQLite writes each page of a commit in two calls, of 24 bytes and of
// a page, one behind the other.

#include <sqlite3.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

int wl_log_open(sqlite3_vfs *under, const char *path, sqlite3_file *file, int flags, int *out_flags);

// Bytes of a log's file object, less those of the VFS below.
int wl_log_size(void);

bool wl_log_is_ours(const sqlite3_file *log);

// Has this file gather what is written one behind the other until it is synced, read or measured; see
// wl_gather_log_writes. `*knower` is the file until it is closed, then NULL: SQLite closes a log before its database.
// Returns an SQLite result code.
int wl_log_gather(sqlite3_file *log, sqlite3_file **knower);

// Forgets what was gathered and not yet written: at the end of a transaction, what is left was rolled back.
void wl_log_drop(sqlite3_file *log);

#pragma GCC visibility pop

#endif
