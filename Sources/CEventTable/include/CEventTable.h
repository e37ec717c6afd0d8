#ifndef WATERLINE_CEVENTTABLE_H
#define WATERLINE_CEVENTTABLE_H

#include <stdint.h>

// The virtual table `event` as SQLite sees it. SQLite's side (modules, cursors, the extension's API
// table) is C; reading chunks is Swift, in the target EventExtension, through the functions below.

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef struct sqlite3_context sqlite3_context;
struct sqlite3_api_routines;

/// Entry point when loaded from a file (`.load`), or registered by the target CAutoExtension.
int sqlite3_extension_init(sqlite3 *database, char **error, const struct sqlite3_api_routines *api);

// What Swift calls: SQLite through the extension's API table, so that one binary works in any host.
sqlite3_stmt *wl_sql_prepare(sqlite3 *database, const char *sql);
/// 1 a row, 0 the end, -1 an error (see wl_sql_error).
int wl_sql_step(sqlite3_stmt *statement);
void wl_sql_bind_int64(sqlite3_stmt *statement, int index, int64_t value);
int64_t wl_sql_int64(sqlite3_stmt *statement, int column);
int wl_sql_is_null(sqlite3_stmt *statement, int column);
const void *wl_sql_bytes(sqlite3_stmt *statement, int column, int *length);
void wl_sql_finalize(sqlite3_stmt *statement);
const char *wl_sql_error(sqlite3 *database);
int wl_sql_execute(sqlite3 *database, const char *sql);
/// Copies a message so that SQLite may free it.
char *wl_sql_copy(const char *message);
void wl_result_null(sqlite3_context *context);
void wl_result_int64(sqlite3_context *context, int64_t value);
void wl_result_text(sqlite3_context *context, const uint8_t *bytes, int length);

#endif
