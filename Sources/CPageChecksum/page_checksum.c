#include "CPageChecksum.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

// From SQLite's file format, 1.3: the header of page 1.
enum { HEADER = 100, PAGE_SIZE_AT = 16, RESERVED_AT = 20, APPLICATION_AT = 68 };
enum { PAGE_MIN = 512, PAGE_MAX = 65536, CHECKSUM = 8 };
// Waterline's application id (schemas/store.sql), and how often a page that does not match is read again.
static const unsigned char application_id[4] = {'W', 'L', 'N', '1'};
enum { READS_MAX = 5 };
// An extended code of SQLITE_CORRUPT. An error of input or output would end the transaction, and the plain code
// would let nothing more be written in it; but this page never came in, and others are sound.
enum { DAMAGED_PAGE = SQLITE_CORRUPT | 64 << 8 };
// Operations of xFileControl, which SQLite hands on from 100 on: with a `substitute`, with nothing.
enum { SUBSTITUTE_PAGE = 0x574C01, EXPECT_SEALED = 0x574C02 };

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
  sqlite3_file *real;
} page_file;

static sqlite3_vfs *under;
static _Thread_local uint32_t last_failure;

static sqlite3_file *real_of(sqlite3_file *file) { return ((page_file *)file)->real; }

// --- Checksums -----------------------------------------------------------------------------------------

static bool is_page_size(int64_t length) {
  return length >= PAGE_MIN && length <= PAGE_MAX && (length & (length - 1)) == 0;
}

static uint64_t checksum_of(const unsigned char *page, int length, uint32_t number) {
  uint64_t sum = XXH3_64bits_withSeed(page, (size_t)(length - CHECKSUM), number);
  return sum == 0 ? 1 : sum;  // 0 says that there is none
}

static uint64_t checksum_in(const unsigned char *page, int length) {
  uint64_t sum = 0;
  for (int index = CHECKSUM - 1; index >= 0; index--) sum = sum << 8 | page[length - CHECKSUM + index];
  return sum;
}

static void seal(unsigned char *page, int length, uint32_t number) {
  uint64_t sum = checksum_of(page, length, number);
  for (int index = 0; index < CHECKSUM; index++) page[length - CHECKSUM + index] = (unsigned char)(sum >> 8 * index);
}

static bool is_database(const unsigned char *header) { return memcmp(header, "SQLite format 3", 16) == 0; }

// Whether page 1 says that there is room. A Waterline file whose byte for it was changed gives itself away: its
// checksum is that of the page with the right byte.
static bool has_room(unsigned char *page, int length) {
  if (!is_database(page)) return false;
  if (page[RESERVED_AT] == CHECKSUM) return true;
  if (memcmp(page + APPLICATION_AT, application_id, sizeof application_id) != 0) return false;
  uint64_t sum = checksum_in(page, length);
  unsigned char reserved = page[RESERVED_AT];
  page[RESERVED_AT] = CHECKSUM;
  bool was_sealed = sum != 0 && sum == checksum_of(page, length, 1);
  page[RESERVED_AT] = reserved;
  return was_sealed;
}

static int page_size_of(const unsigned char *header) {
  int size = header[PAGE_SIZE_AT] << 8 | header[PAGE_SIZE_AT + 1];
  return size == 1 ? PAGE_MAX : size;
}

// --- One file ------------------------------------------------------------------------------------------

static const substitute *substitute_of(const page_file *own, uint32_t number, int length) {
  const substitute *other = own->substitutes;
  while (other && (other->number != number || other->length != length)) other = other->next;
  return other;
}

static int page_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset) {
  page_file *own = (page_file *)file;
  int code = real_of(file)->pMethods->xRead(real_of(file), bytes, length, offset);
  if (code != SQLITE_OK || !is_page_size(length) || offset % length != 0) return code;
  unsigned char *page = bytes;
  if (offset == 0) own->is_sealed = has_room(page, length);
  if (!own->is_sealed) return SQLITE_OK;
  uint32_t number = (uint32_t)(offset / length + 1);
  uint64_t sum = checksum_in(page, length);
  if (sum != 0 && sum != checksum_of(page, length, number)) {
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
  if (is_page_size(length) && offset % length == 0) {
    const unsigned char *page = bytes;
    if (offset == 0) own->is_sealed = is_database(page) && page[RESERVED_AT] == CHECKSUM;
    if (own->is_sealed) {
      if (own->page == NULL && (own->page = sqlite3_malloc(PAGE_MAX)) == NULL) return SQLITE_IOERR_NOMEM;
      memcpy(own->page, bytes, (size_t)length);
      seal(own->page, length, (uint32_t)(offset / length + 1));
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
  if (real->pMethods->xRead(real, header, HEADER, 0) != SQLITE_OK || !is_database(header)) return false;
  int size = page_size_of(header);
  if (!is_page_size(size)) return false;
  unsigned char *page = sqlite3_malloc(size);
  if (page == NULL) return false;
  bool result = real->pMethods->xRead(real, page, size, 0) == SQLITE_OK && has_room(page, size);
  sqlite3_free(page);
  return result;
}

static int page_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
  (void)vfs;
  // Journals, logs and temporary files are left to SQLite, which checks those that matter.
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
  own.szOsFile = (int)sizeof(page_file) + under->szOsFile;
  own.xOpen = page_open;
  registration = sqlite3_vfs_register(&own, 1);
}

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

uint32_t wl_page_checksum_take_failure(void) {
  uint32_t number = last_failure;
  last_failure = 0;
  return number;
}

// --- A look at a file beside SQLite's connections -----------------------------------------------------

// A database file opened through the VFS. Opening and closing it with system calls would do harm: POSIX drops
// all locks that a process has on a file when it closes any descriptor of it, those of its connections too.
typedef struct {
  const char *name;
  sqlite3_file *file;
  int64_t size;
  unsigned char header[HEADER];
} raw_file;

static void close_raw(raw_file *raw) {
  if (raw->file && raw->file->pMethods) raw->file->pMethods->xClose(raw->file);
  sqlite3_free(raw->file);
  if (raw->name) sqlite3_free_filename((char *)raw->name);
}

// Opens a file that is there and reads its header; returns 0 or -errno, -ENODATA if it is no database.
static int open_raw(const char *path, raw_file *raw) {
  memset(raw, 0, sizeof *raw);
  int code = wl_page_checksum_register();
  if (code != SQLITE_OK) return -EIO;
  raw->name = sqlite3_create_filename(path, "", "", 0, NULL);
  raw->file = sqlite3_malloc(under->szOsFile);
  if (raw->name == NULL || raw->file == NULL) {
    close_raw(raw);
    return -ENOMEM;
  }
  memset(raw->file, 0, (size_t)under->szOsFile);
  int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
  if (under->xOpen(under, raw->name, raw->file, flags, &flags) != SQLITE_OK) {
    close_raw(raw);
    return -ENOENT;
  }
  sqlite3_int64 size = 0;
  const sqlite3_io_methods *calls = raw->file->pMethods;
  if (calls->xFileSize(raw->file, &size) != SQLITE_OK || size < HEADER ||
      calls->xRead(raw->file, raw->header, HEADER, 0) != SQLITE_OK || !is_database(raw->header)) {
    close_raw(raw);
    return -ENODATA;
  }
  raw->size = size;
  return 0;
}

static bool read_page(raw_file *raw, unsigned char *page, int length, int64_t index) {
  return raw->file->pMethods->xRead(raw->file, page, length, index * length) == SQLITE_OK;
}

// Reads page 1 into new memory; NULL when there is none.
static unsigned char *first_page(raw_file *raw, int *length) {
  *length = page_size_of(raw->header);
  if (!is_page_size(*length) || raw->size < *length) return NULL;
  unsigned char *page = malloc((size_t)*length);
  if (page && read_page(raw, page, *length, 0)) return page;
  free(page);
  return NULL;
}

// 1 right, 0 none, -1 wrong. A page may be half written by a checkpoint just now, hence again after a while.
static int look_at(raw_file *raw, unsigned char *page, int length, int64_t index) {
  for (int attempt = 0;; attempt++) {
    uint64_t sum = read_page(raw, page, length, index) ? checksum_in(page, length) : 0;
    if (sum == 0) return 0;
    if (sum == checksum_of(page, length, (uint32_t)(index + 1))) return 1;
    if (attempt + 1 == READS_MAX) return -1;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
}

int wl_database_header(const char *path, unsigned char header[100], int64_t *size) {
  raw_file raw;
  int code = open_raw(path, &raw);
  if (code != 0) return code;
  memcpy(header, raw.header, HEADER);
  *size = raw.size;
  close_raw(&raw);
  return 0;
}

bool wl_page_checksum_lacks_room(const char *path) {
  raw_file raw;
  if (open_raw(path, &raw) != 0) return false;
  int length;
  unsigned char *page = first_page(&raw, &length);
  bool lacks = page && !has_room(page, length);
  free(page);
  close_raw(&raw);
  return lacks;
}

int wl_page_checksum_survey(const char *path, wl_page_survey *result) {
  memset(result, 0, sizeof *result);
  raw_file raw;
  int code = open_raw(path, &raw);
  if (code != 0) return code;
  int length;
  unsigned char *page = first_page(&raw, &length);
  if (page == NULL || !has_room(page, length)) code = -ENODATA;
  for (int64_t index = 0; code == 0 && index < raw.size / length; index++) {
    int found = look_at(&raw, page, length, index);
    if (found > 0) result->sealed++;
    if (found == 0) result->unsealed++;
    if (found < 0 && result->damaged++ == 0) result->first_damaged = index + 1;
  }
  free(page);
  close_raw(&raw);
  return code;
}

// --- Single pages as they stand in the file --------------------------------------------------------------

struct wl_raw_pages {
  raw_file raw;
  int length;
};

int wl_raw_pages_open(const char *path, wl_raw_pages **result) {
  wl_raw_pages *pages = malloc(sizeof *pages);
  if (pages == NULL) return -ENOMEM;
  int code = open_raw(path, &pages->raw);
  if (code != 0) {
    free(pages);
    return code;
  }
  pages->length = page_size_of(pages->raw.header);
  *result = pages;
  if (is_page_size(pages->length)) return 0;
  wl_raw_pages_close(pages);
  return -ENODATA;
}

int wl_raw_pages_read(wl_raw_pages *pages, uint32_t number, unsigned char *page, int length) {
  if (length != pages->length || number == 0) return -EINVAL;
  if (!read_page(&pages->raw, page, length, (int64_t)number - 1)) return -EIO;
  uint64_t sum = checksum_in(page, length);
  return sum == 0 || sum == checksum_of(page, length, number);
}

void wl_raw_pages_close(wl_raw_pages *pages) {
  close_raw(&pages->raw);
  free(pages);
}
