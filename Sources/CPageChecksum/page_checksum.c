#include "CPageChecksum.h"
#include "gathered_writes.h"
#include "page_format.h"

#include <pthread.h>
#include <string.h>

// An extended code of SQLITE_CORRUPT. An error of input or output would end the transaction, and the plain code
// would let nothing more be written in it; but this page never came in, and others are sound.
enum { DAMAGED_PAGE = SQLITE_CORRUPT | 64 << 8 };
// Operations of xFileControl, which SQLite hands on from 100 on: with a `substitute`, with nothing, with the log.
enum { SUBSTITUTE_PAGE = 0x574C01, EXPECT_SEALED = 0x574C02, GATHER_LOG = 0x574C03 };

// What a connection reads in the place of a damaged page.
typedef struct substitute {
  struct substitute *next;
  uint32_t number;
  int length;
  unsigned char page[];
} substitute;

typedef struct {
  sqlite3_file base;
  bool is_sealed;        // pages of this file have room for a checksum
  unsigned char *page;   // where a page to be written gets its checksum; NULL until the first
  substitute *substitutes;
  sqlite3_file *log;     // the log of this connection, if its writes are gathered
  sqlite3_file *real;
} page_file;

static sqlite3_vfs *under;
static _Thread_local uint32_t last_failure;

static sqlite3_file *real_of(sqlite3_file *file) { return ((page_file *)file)->real; }

// Lock of the log's index, from SQLite's description of the WAL: whoever writes to the log has it.
enum { WRITE_LOCK = 0 };

// --- One file ------------------------------------------------------------------------------------------

static const substitute *substitute_of(const page_file *own, uint32_t number, int length) {
  const substitute *other = own->substitutes;
  while (other && (other->number != number || other->length != length)) other = other->next;
  return other;
}

static int page_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset) {
  page_file *own = (page_file *)file;
  int code = real_of(file)->pMethods->xRead(real_of(file), bytes, length, offset);
  if (code != SQLITE_OK || !wl_is_page_size(length) || offset % length != 0) return code;
  unsigned char *page = bytes;
  if (offset == 0) {
    // SQLite guessed the size, of a file that was empty a moment before, and reads again.
    if (wl_is_database(page) && wl_is_page_size(wl_page_size_of(page)) && wl_page_size_of(page) != length) return code;
    own->is_sealed = wl_has_room(page, length);
  }
  if (!own->is_sealed) return SQLITE_OK;
  uint32_t number = (uint32_t)(offset / length + 1);
  uint64_t sum = wl_checksum_in(page, length);
  if (sum != 0 && sum != wl_checksum_of(page, length, number)) {
    const substitute *other = substitute_of(own, number, length);
    if (other) {
      memcpy(page, other->page, (size_t)length);
      return SQLITE_OK;
    }
    last_failure = number;
    sqlite3_log(DAMAGED_PAGE, "page %u does not match its checksum", number);
    return DAMAGED_PAGE;
  }
  memset(page + length - CHECKSUM, 0, CHECKSUM);
  return SQLITE_OK;
}

static int page_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset) {
  page_file *own = (page_file *)file;
  if (wl_is_page_size(length) && offset % length == 0) {
    const unsigned char *page = bytes;
    if (offset == 0) own->is_sealed = wl_is_database(page) && page[RESERVED_AT] == CHECKSUM;
    if (own->is_sealed) {
      if (own->page == NULL && (own->page = sqlite3_malloc(PAGE_MAX)) == NULL) return SQLITE_IOERR_NOMEM;
      memcpy(own->page, bytes, (size_t)length);
      wl_seal(own->page, length, (uint32_t)(offset / length + 1));
      bytes = own->page;
    }
  }
  return real_of(file)->pMethods->xWrite(real_of(file), bytes, length, offset);
}

static int page_close(sqlite3_file *file) {
  int code = real_of(file)->pMethods->xClose(real_of(file));
  sqlite3_free(((page_file *)file)->page);
  for (substitute *other = ((page_file *)file)->substitutes; other;) {
    substitute *next = other->next;
    sqlite3_free(other);
    other = next;
  }
  return code;
}

static int page_truncate(sqlite3_file *file, sqlite3_int64 size) {
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
static int page_sync(sqlite3_file *file, int flags) {
  return real_of(file)->pMethods->xSync(real_of(file), flags);
}
static int page_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int page_lock(sqlite3_file *file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}
static int page_unlock(sqlite3_file *file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int page_check_lock(sqlite3_file *file, int *result) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}
// Where a disk may harm bytes beside those that are written, SQLite fills the sector up with frames that it writes after
// the commit's sync and shows to others: they would be dropped.
static int gather_log(page_file *own, sqlite3_file *log) {
  int characteristics = own->real->pMethods->xDeviceCharacteristics(own->real);
  if ((characteristics & SQLITE_IOCAP_POWERSAFE_OVERWRITE) == 0) return SQLITE_NOTFOUND;
  return wl_log_gather(log, &own->log);
}

static int page_control(sqlite3_file *file, int operation, void *argument) {
  page_file *own = (page_file *)file;
  if (operation == SUBSTITUTE_PAGE) {
    substitute *added = argument;
    added->next = own->substitutes;
    own->substitutes = added;
    return SQLITE_OK;
  }
  if (operation == EXPECT_SEALED) {
    own->is_sealed = true;
    return SQLITE_OK;
  }
  if (operation == GATHER_LOG) return gather_log(own, argument);
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}
static int page_sector_size(sqlite3_file *file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}
static int page_characteristics(sqlite3_file *file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
static int page_shm_map(sqlite3_file *file, int page, int size, int extends, void volatile **memory) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extends, memory);
}
static int page_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  sqlite3_file *log = ((page_file *)file)->log;
  bool ends_writing = flags == (SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE) && offset == WRITE_LOCK;
  // A commit was synced by now: what is left was taken back, and the next who writes may be another program.
  if (log && ends_writing) wl_log_drop(log);
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
static void page_shm_barrier(sqlite3_file *file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
static int page_shm_unmap(sqlite3_file *file, int deletes) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), deletes);
}

// Version 2: shared memory, and no memory-mapped files, which would be read past the check.
static const sqlite3_io_methods methods = {
    2, page_close, page_read, page_write, page_truncate, page_sync, page_size, page_lock, page_unlock,
    page_check_lock, page_control, page_sector_size, page_characteristics, page_shm_map, page_shm_lock,
    page_shm_barrier, page_shm_unmap, NULL, NULL};

// What page 1 says at the moment; a new or foreign file says nothing.
static bool looks_sealed(sqlite3_file *real) {
  unsigned char header[HEADER];
  if (real->pMethods->xRead(real, header, HEADER, 0) != SQLITE_OK || !wl_is_database(header)) return false;
  int size = wl_page_size_of(header);
  if (!wl_is_page_size(size)) return false;
  unsigned char *page = sqlite3_malloc(size);
  if (page == NULL) return false;
  bool result = real->pMethods->xRead(real, page, size, 0) == SQLITE_OK && wl_has_room(page, size);
  sqlite3_free(page);
  return result;
}

static int page_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
  (void)vfs;
  if (flags & SQLITE_OPEN_WAL) return wl_log_open(under, path, file, flags, out_flags);
  // Journals and temporary files are left to SQLite, which checks those that matter, as it does logs.
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return under->xOpen(under, path, file, flags, out_flags);
  page_file *own = (page_file *)file;
  memset(own, 0, sizeof *own);
  own->real = (sqlite3_file *)(own + 1);
  int code = under->xOpen(under, path, own->real, flags, out_flags);
  if (code != SQLITE_OK) return code;
  own->base.pMethods = &methods;
  own->is_sealed = looks_sealed(own->real);
  return SQLITE_OK;
}

// --- The face ------------------------------------------------------------------------------------------

static int registration;

static void register_once(void) {
  static sqlite3_vfs own;
  // Nobody asks how much memory SQLite has in use; counting takes a lock for each piece. Refused where another
  // library has used SQLite already, and nothing is lost then.
  (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  under = sqlite3_vfs_find(NULL);
  if (under == NULL) {
    registration = SQLITE_ERROR;
    return;
  }
  own = *under;
  own.zName = "waterline-pages";
  own.pNext = NULL;
  int own_size = (int)sizeof(page_file);
  own.szOsFile = (own_size > wl_log_size() ? own_size : wl_log_size()) + under->szOsFile;
  own.xOpen = page_open;
  registration = sqlite3_vfs_register(&own, 1);
}

sqlite3_vfs *wl_vfs_below(void) { return under; }

int wl_page_checksum_register(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, register_once);
  return registration;
}

int wl_page_checksum_reserve(void *connection) {
  int bytes = CHECKSUM;
  return sqlite3_file_control(connection, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

int wl_page_checksum_expect(void *connection) {
  return sqlite3_file_control(connection, "main", EXPECT_SEALED, NULL);
}

int wl_page_checksum_substitute(void *connection, uint32_t number, const unsigned char *page, int length) {
  substitute *added = sqlite3_malloc((int)sizeof *added + length);
  if (added == NULL) return SQLITE_NOMEM;
  added->number = number;
  added->length = length;
  memcpy(added->page, page, (size_t)length);
  int code = sqlite3_file_control(connection, "main", SUBSTITUTE_PAGE, added);
  if (code != SQLITE_OK) sqlite3_free(added);
  return code;
}

bool wl_gather_log_writes(void *connection) {
  sqlite3_file *log = NULL;
  int code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (code != SQLITE_OK || log == NULL || !wl_log_is_ours(log)) return false;
  return sqlite3_file_control(connection, "main", GATHER_LOG, log) == SQLITE_OK;
}

uint32_t wl_page_checksum_take_failure(void) {
  uint32_t number = last_failure;
  last_failure = 0;
  return number;
}
