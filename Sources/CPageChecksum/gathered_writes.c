#include "gathered_writes.h"

#include <string.h>

// The VFS for Unix writes at most 131,071 bytes in a call.
enum { GATHERED_MAX = 124 << 10 };

typedef struct {
  sqlite3_file base;
  unsigned char *gathered;  // NULL: every write goes through
  int length;               // of what is gathered and not written
  sqlite3_int64 start;      // where it belongs
  int failure;              // why it could not be written; SQLITE_OK while it was not tried, or could
  sqlite3_file **knower;    // who has to forget this file when it is closed
  sqlite3_file *real;
} log_file;

static sqlite3_file *real_of(sqlite3_file *file) { return ((log_file *)file)->real; }

// What cannot be written is not tried again: should there be room a moment later, a commit that was reported as failed
// would lie in the log. Whoever needs it written is told, until the transaction ends and it is dropped.
static int write_gathered(log_file *own) {
  if (own->length == 0 || own->failure != SQLITE_OK) return own->failure;
  own->failure = own->real->pMethods->xWrite(own->real, own->gathered, own->length, own->start);
  if (own->failure == SQLITE_OK) own->length = 0;
  return own->failure;
}

static int log_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset) {
  log_file *own = (log_file *)file;
  if (own->failure != SQLITE_OK) return own->failure;
  bool follows = own->length > 0 && offset == own->start + own->length && own->length + length <= GATHERED_MAX;
  if (!follows) {
    int code = write_gathered(own);
    if (code != SQLITE_OK) return code;
    if (own->gathered == NULL || length > GATHERED_MAX) {
      return own->real->pMethods->xWrite(own->real, bytes, length, offset);
    }
    own->start = offset;
  }
  memcpy(own->gathered + own->length, bytes, (size_t)length);
  own->length += length;
  return SQLITE_OK;
}

// What is committed can be read also when the rest cannot be written: a transaction is taken back with it.
static int log_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset) {
  log_file *own = (log_file *)file;
  bool is_gathered = offset < own->start + own->length && own->start < offset + length;
  int code = is_gathered ? write_gathered(own) : SQLITE_OK;
  return code != SQLITE_OK ? code : real_of(file)->pMethods->xRead(real_of(file), bytes, length, offset);
}
static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
  int code = write_gathered((log_file *)file);
  return code != SQLITE_OK ? code : real_of(file)->pMethods->xTruncate(real_of(file), size);
}
static int log_sync(sqlite3_file *file, int flags) {
  int code = write_gathered((log_file *)file);
  return code != SQLITE_OK ? code : real_of(file)->pMethods->xSync(real_of(file), flags);
}
static int log_size(sqlite3_file *file, sqlite3_int64 *size) {
  int code = write_gathered((log_file *)file);
  return code != SQLITE_OK ? code : real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int log_close(sqlite3_file *file) {
  log_file *own = (log_file *)file;
  if (own->knower) *own->knower = NULL;
  sqlite3_free(own->gathered);
  return real_of(file)->pMethods->xClose(real_of(file));
}
static int log_lock(sqlite3_file *file, int level) { return real_of(file)->pMethods->xLock(real_of(file), level); }
static int log_unlock(sqlite3_file *file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int log_check_lock(sqlite3_file *file, int *result) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}
static int log_control(sqlite3_file *file, int operation, void *argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}
static int log_sector_size(sqlite3_file *file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
static int log_characteristics(sqlite3_file *file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

// Version 1: a log has no shared memory, and is not mapped.
static const sqlite3_io_methods methods = {
    .iVersion = 1, .xClose = log_close, .xRead = log_read, .xWrite = log_write, .xTruncate = log_truncate,
    .xSync = log_sync, .xFileSize = log_size, .xLock = log_lock, .xUnlock = log_unlock,
    .xCheckReservedLock = log_check_lock, .xFileControl = log_control, .xSectorSize = log_sector_size,
    .xDeviceCharacteristics = log_characteristics};

int wl_log_open(sqlite3_vfs *under, const char *path, sqlite3_file *file, int flags, int *out_flags) {
  log_file *own = (log_file *)file;
  memset(own, 0, sizeof *own);
  own->real = (sqlite3_file *)(own + 1);
  int code = under->xOpen(under, path, own->real, flags, out_flags);
  if (code == SQLITE_OK) own->base.pMethods = &methods;
  return code;
}

int wl_log_size(void) { return (int)sizeof(log_file); }

bool wl_log_is_ours(const sqlite3_file *log) { return log->pMethods == &methods; }

int wl_log_gather(sqlite3_file *log, sqlite3_file **knower) {
  log_file *own = (log_file *)log;
  if (own->gathered == NULL && (own->gathered = sqlite3_malloc(GATHERED_MAX)) == NULL) return SQLITE_NOMEM;
  own->knower = knower;
  *knower = log;
  return SQLITE_OK;
}

void wl_log_drop(sqlite3_file *log) {
  log_file *own = (log_file *)log;
  own->length = 0;
  own->failure = SQLITE_OK;
}
