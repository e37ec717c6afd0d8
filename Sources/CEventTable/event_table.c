#include "CEventTable.h"

#include <sqlite3ext.h>
#include <stddef.h>
#include <string.h>
SQLITE_EXTENSION_INIT1

// Implemented in Swift (EventExtension): one scan over the chunks of a time range.
extern void *wl_event_scan_open(sqlite3 *database, int64_t from, int64_t to, char **error);
extern int wl_event_scan_next(void *scan, char **error);
extern void wl_event_scan_column(void *scan, sqlite3_context *context, int column);
extern int64_t wl_event_scan_row(void *scan);
extern void wl_event_scan_close(void *scan);
extern void wl_person_function(sqlite3 *database, sqlite3_context *context, const uint8_t *name, int length);
extern void wl_create_views(sqlite3 *database);

// MARK: the module

enum { TIME_COLUMN = 0, FROM_BIT = 1, TO_BIT = 2 };

typedef struct {
  sqlite3_vtab base;
  sqlite3 *database;
} event_table;

typedef struct {
  sqlite3_vtab_cursor base;
  void *scan;
  int at_end;
} event_cursor;

static int table_connect(sqlite3 *database, void *context, int count, const char *const *arguments,
                         sqlite3_vtab **result, char **error) {
  (void)context, (void)count, (void)arguments, (void)error;
  int code = sqlite3_declare_vtab(
      database,
      "CREATE TABLE event (time INTEGER, user TEXT, person TEXT, app TEXT, feature TEXT, kind TEXT, "
      "outcome TEXT, duration_ms INTEGER, host TEXT, session TEXT, version TEXT, cause TEXT, source TEXT, "
      "seq INTEGER, attributes TEXT, clock_offset_ms INTEGER)");
  if (code != SQLITE_OK) return code;
  event_table *table = sqlite3_malloc(sizeof *table);
  if (!table) return SQLITE_NOMEM;
  memset(table, 0, sizeof *table);
  table->database = database;
  *result = &table->base;
  return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *table) {
  sqlite3_free(table);
  return SQLITE_OK;
}

// Takes the first lower and the first upper bound on `time`; SQLite checks the exact condition again.
static int table_best_index(sqlite3_vtab *table, sqlite3_index_info *info) {
  (void)table;
  int argument = 0;
  info->idxNum = 0;
  info->estimatedCost = 1e9;
  for (int bound = FROM_BIT; bound <= TO_BIT; bound <<= 1) {
    for (int index = 0; index < info->nConstraint; index++) {
      unsigned char operation = info->aConstraint[index].op;
      if (!info->aConstraint[index].usable || info->aConstraint[index].iColumn != TIME_COLUMN) continue;
      int is_lower = operation == SQLITE_INDEX_CONSTRAINT_GE || operation == SQLITE_INDEX_CONSTRAINT_GT;
      int is_upper = operation == SQLITE_INDEX_CONSTRAINT_LE || operation == SQLITE_INDEX_CONSTRAINT_LT;
      if (!(bound == FROM_BIT ? is_lower : is_upper)) continue;
      info->aConstraintUsage[index].argvIndex = ++argument;
      info->idxNum |= bound;
      info->estimatedCost /= 4;
      break;
    }
  }
  return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *table, sqlite3_vtab_cursor **result) {
  (void)table;
  event_cursor *cursor = sqlite3_malloc(sizeof *cursor);
  if (!cursor) return SQLITE_NOMEM;
  memset(cursor, 0, sizeof *cursor);
  *result = &cursor->base;
  return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *base) {
  event_cursor *cursor = (event_cursor *)base;
  if (cursor->scan) wl_event_scan_close(cursor->scan);
  sqlite3_free(cursor);
  return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *base) {
  event_cursor *cursor = (event_cursor *)base;
  char *error = NULL;
  int outcome = wl_event_scan_next(cursor->scan, &error);
  cursor->at_end = outcome != 1;
  if (outcome >= 0) return SQLITE_OK;
  sqlite3_free(base->pVtab->zErrMsg);
  base->pVtab->zErrMsg = error;
  return SQLITE_ERROR;
}

// A bound that is no whole number (a text, a fraction) only widens the scan.
static int64_t lower_bound(sqlite3_value *value) {
  return sqlite3_value_type(value) == SQLITE_INTEGER ? sqlite3_value_int64(value) : INT64_MIN;
}

static int64_t upper_bound(sqlite3_value *value) {
  return sqlite3_value_type(value) == SQLITE_INTEGER ? sqlite3_value_int64(value) : INT64_MAX;
}

static int cursor_filter(sqlite3_vtab_cursor *base, int number, const char *text, int count,
                         sqlite3_value **values) {
  (void)text, (void)count;
  event_cursor *cursor = (event_cursor *)base;
  event_table *table = (event_table *)base->pVtab;
  int argument = 0;
  int64_t from = number & FROM_BIT ? lower_bound(values[argument++]) : INT64_MIN;
  int64_t to = number & TO_BIT ? upper_bound(values[argument++]) : INT64_MAX;
  if (cursor->scan) wl_event_scan_close(cursor->scan);
  char *error = NULL;
  cursor->scan = wl_event_scan_open(table->database, from, to, &error);
  if (!cursor->scan) {
    sqlite3_free(base->pVtab->zErrMsg);
    base->pVtab->zErrMsg = error;
    return SQLITE_ERROR;
  }
  return cursor_next(base);
}

static int cursor_eof(sqlite3_vtab_cursor *base) { return ((event_cursor *)base)->at_end; }

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
  wl_event_scan_column(((event_cursor *)base)->scan, context, column);
  return SQLITE_OK;
}

static int cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *row) {
  *row = wl_event_scan_row(((event_cursor *)base)->scan);
  return SQLITE_OK;
}

static const sqlite3_module event_module = {
    .iVersion = 0,
    .xCreate = NULL,  // eponymous only: the table exists without CREATE VIRTUAL TABLE
    .xConnect = table_connect,
    .xBestIndex = table_best_index,
    .xDisconnect = table_disconnect,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_filter,
    .xNext = cursor_next,
    .xEof = cursor_eof,
    .xColumn = cursor_column,
    .xRowid = cursor_rowid,
};

static void person_function(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  if (sqlite3_value_type(values[0]) == SQLITE_NULL) return sqlite3_result_null(context);
  const uint8_t *name = sqlite3_value_text(values[0]);
  wl_person_function(sqlite3_context_db_handle(context), context, name, sqlite3_value_bytes(values[0]));
}

int sqlite3_extension_init(sqlite3 *database, char **error, const struct sqlite3_api_routines *api) {
  (void)error;
  SQLITE_EXTENSION_INIT2(api);
  int code = sqlite3_create_module_v2(database, "event", &event_module, NULL, NULL);
  if (code != SQLITE_OK) return code;
  // Not SQLITE_INNOCUOUS: a database's own views and triggers must not call it unasked.
  code = sqlite3_create_function_v2(database, "waterline_person", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                    person_function, NULL, NULL, NULL);
  if (code == SQLITE_OK) wl_create_views(database);
  return code;
}

// MARK: what Swift calls

sqlite3_stmt *wl_sql_prepare(sqlite3 *database, const char *sql) {
  sqlite3_stmt *statement = NULL;
  return sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

int wl_sql_step(sqlite3_stmt *statement) {
  int code = sqlite3_step(statement);
  return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -1;
}

void wl_sql_bind_int64(sqlite3_stmt *statement, int index, int64_t value) {
  sqlite3_bind_int64(statement, index, value);
}

int64_t wl_sql_int64(sqlite3_stmt *statement, int column) { return sqlite3_column_int64(statement, column); }

int wl_sql_is_null(sqlite3_stmt *statement, int column) {
  return sqlite3_column_type(statement, column) == SQLITE_NULL;
}

const void *wl_sql_bytes(sqlite3_stmt *statement, int column, int *length) {
  const void *bytes = sqlite3_column_blob(statement, column);
  *length = sqlite3_column_bytes(statement, column);
  return bytes;
}

void wl_sql_finalize(sqlite3_stmt *statement) { sqlite3_finalize(statement); }

const char *wl_sql_error(sqlite3 *database) { return sqlite3_errmsg(database); }

int wl_sql_execute(sqlite3 *database, const char *sql) {
  return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

char *wl_sql_copy(const char *message) { return sqlite3_mprintf("%s", message); }

void wl_result_null(sqlite3_context *context) { sqlite3_result_null(context); }

void wl_result_int64(sqlite3_context *context, int64_t value) { sqlite3_result_int64(context, value); }

void wl_result_text(sqlite3_context *context, const uint8_t *bytes, int length) {
  sqlite3_result_text(context, (const char *)bytes, length, SQLITE_TRANSIENT);
}
