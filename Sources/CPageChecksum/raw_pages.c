// A look at database files beside SQLite's connections.

#include "CPageChecksum.h"
#include "page_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// How often a page that does not match is read again.
enum { READS_MAX = 5 };

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
  sqlite3_vfs *vfs = wl_vfs_below();
  raw->name = sqlite3_create_filename(path, "", "", 0, NULL);
  raw->file = sqlite3_malloc(vfs->szOsFile);
  if (raw->name == NULL || raw->file == NULL) {
    close_raw(raw);
    return -ENOMEM;
  }
  memset(raw->file, 0, (size_t)vfs->szOsFile);
  int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
  if (vfs->xOpen(vfs, raw->name, raw->file, flags, &flags) != SQLITE_OK) {
    close_raw(raw);
    return -ENOENT;
  }
  sqlite3_int64 size = 0;
  const sqlite3_io_methods *calls = raw->file->pMethods;
  if (calls->xFileSize(raw->file, &size) != SQLITE_OK || size < HEADER ||
      calls->xRead(raw->file, raw->header, HEADER, 0) != SQLITE_OK || !wl_is_database(raw->header)) {
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
  *length = wl_page_size_of(raw->header);
  if (!wl_is_page_size(*length) || raw->size < *length) return NULL;
  unsigned char *page = malloc((size_t)*length);
  if (page && read_page(raw, page, *length, 0)) return page;
  free(page);
  return NULL;
}

// 1 right, 0 none, -1 wrong. A page may be half written by a checkpoint just now, hence again after a while.
static int look_at(raw_file *raw, unsigned char *page, int length, int64_t index) {
  for (int attempt = 0;; attempt++) {
    uint64_t sum = read_page(raw, page, length, index) ? wl_checksum_in(page, length) : 0;
    if (sum == 0) return 0;
    if (sum == wl_checksum_of(page, length, (uint32_t)(index + 1))) return 1;
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
  bool lacks = page && !wl_has_room(page, length);
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
  if (page == NULL || !wl_has_room(page, length)) code = -ENODATA;
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
  pages->length = wl_page_size_of(pages->raw.header);
  *result = pages;
  if (wl_is_page_size(pages->length)) return 0;
  wl_raw_pages_close(pages);
  return -ENODATA;
}

int wl_raw_pages_read(wl_raw_pages *pages, uint32_t number, unsigned char *page, int length) {
  if (length != pages->length || number == 0) return -EINVAL;
  if (!read_page(&pages->raw, page, length, (int64_t)number - 1)) return -EIO;
  uint64_t sum = wl_checksum_in(page, length);
  return sum == 0 || sum == wl_checksum_of(page, length, number);
}

void wl_raw_pages_close(wl_raw_pages *pages) {
  close_raw(&pages->raw);
  free(pages);
}
