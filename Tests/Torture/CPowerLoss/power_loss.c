#include "CPowerLoss.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };

// A change since the last sync: bytes written at an offset, or a new size (bytes NULL).
typedef struct change {
  struct change *next;
  int64_t offset;
  int64_t length;
  unsigned char *bytes;
} change;

// One file as the disk knows it.
typedef struct inode {
  unsigned char *durable;
  int64_t size;
  change *first, *last;
  bool syncs_directory;  // its next sync syncs the directory too, as the Unix VFS does
} inode;

// A directory entry: what the disk surely has under this name, and what it has once the directory is synced.
typedef struct entry {
  struct entry *next;
  char *path;
  inode *synced;
  inode *now;
} entry;

typedef struct {
  sqlite3_file base;
  inode *shadow;  // NULL for files that need not survive
  sqlite3_file *real;
} power_file;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs *usual;
static entry *entries;
static int64_t countdown;
static int64_t writes_before_full, writes_while_full;
static bool is_off, ignores_syncs;
static int open_files;
static wl_power_counts counts;
static uint64_t random_state;

static void *must(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

static uint64_t random_bits(void) {  // SplitMix64
  uint64_t mixed = random_state += 0x9E3779B97F4A7C15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  return mixed ^ (mixed >> 31);
}

static uint64_t random_below(uint64_t bound) { return random_bits() % bound; }

// --- What the disk holds -----------------------------------------------------------------------------

static void forget_changes(inode *file) {
  while (file->first) {
    change *gone = file->first;
    file->first = gone->next;
    free(gone->bytes);
    free(gone);
  }
  file->last = NULL;
}

static void free_inode(inode *file) {
  if (file == NULL) return;
  forget_changes(file);
  free(file->durable);
  free(file);
}

static void resize(inode *file, int64_t size) {
  file->durable = must(realloc(file->durable, (size_t)(size ? size : 1)));
  if (size > file->size) memset(file->durable + file->size, 0, (size_t)(size - file->size));
  file->size = size;
}

static void put(inode *file, int64_t offset, const unsigned char *bytes, int64_t length) {
  if (offset + length > file->size) resize(file, offset + length);
  memcpy(file->durable + offset, bytes, (size_t)length);
}

static void remember(inode *file, int64_t offset, const void *bytes, int64_t length) {
  change *added = must(calloc(1, sizeof *added));
  added->offset = offset;
  added->length = length;
  if (bytes) {
    added->bytes = must(malloc((size_t)(length ? length : 1)));
    memcpy(added->bytes, bytes, (size_t)length);
  }
  if (file->last) file->last->next = added; else file->first = added;
  file->last = added;
}

static void make_durable(inode *file) {
  for (change *each = file->first; each; each = each->next) {
    if (each->bytes) put(file, each->offset, each->bytes, each->length);
    else resize(file, each->offset);
  }
  forget_changes(file);
}

static void sync_directory(void) {
  for (entry *each = entries; each; each = each->next) {
    if (each->synced != each->now) free_inode(each->synced);
    each->synced = each->now;
  }
}

// Puts what survives of the unsynced changes into `file`: nothing, all, the first ones, or any of them.
static void survive(inode *file) {
  uint64_t way = random_below(5);
  int64_t total = 0, place = 0;
  for (change *each = file->first; each; each = each->next) total++;
  int64_t stop = total ? (int64_t)random_below((uint64_t)total + 1) : 0;
  uint64_t share = 5 + random_below(90);  // percent of sectors that are kept where any may be
  for (change *each = file->first; each; each = each->next, place++) {
    if (each->bytes == NULL) {
      bool kept = way == 1 || (way == 2 && place < stop) || (way > 2 && random_below(100) < share);
      if (kept) resize(file, each->offset);
      continue;
    }
    for (int64_t from = 0; from < each->length;) {
      int64_t upto = ((each->offset + from) / SECTOR + 1) * SECTOR - each->offset;
      if (upto > each->length) upto = each->length;
      bool kept = way == 1 || (way == 2 && place < stop) || (way > 2 && random_below(100) < share);
      if (!kept) {
        counts.sectors_lost++;
      } else if (way == 4 && random_below(8) == 0) {
        unsigned char torn[SECTOR];
        for (int64_t index = 0; index < upto - from; index++) torn[index] = (unsigned char)random_bits();
        put(file, each->offset + from, torn, upto - from);
        counts.sectors_torn++;
      } else {
        put(file, each->offset + from, each->bytes + from, upto - from);
        counts.sectors_kept++;
      }
      from = upto;
    }
  }
  forget_changes(file);
}

// --- Entries -----------------------------------------------------------------------------------------

static entry *entry_of(const char *path) {
  for (entry *each = entries; each; each = each->next)
    if (strcmp(each->path, path) == 0) return each;
  entry *added = must(calloc(1, sizeof *added));
  added->path = must(strdup(path));
  added->next = entries;
  entries = added;
  return added;
}

static int read_whole(const char *path, inode *file) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -errno;
  struct stat status;
  int64_t done = 0;
  if (fstat(descriptor, &status) == 0) resize(file, status.st_size);
  while (done < file->size) {
    ssize_t count = pread(descriptor, file->durable + done, (size_t)(file->size - done), done);
    if (count <= 0) break;
    done += count;
  }
  close(descriptor);
  return done == file->size ? 0 : -EIO;
}

static int write_whole(const char *path, const inode *file) {
  int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return -errno;
  int64_t done = 0;
  while (done < file->size) {
    ssize_t count = pwrite(descriptor, file->durable + done, (size_t)(file->size - done), done);
    if (count <= 0) break;
    done += count;
  }
  close(descriptor);
  return done == file->size ? 0 : -EIO;
}

// --- The cut -----------------------------------------------------------------------------------------

// Counts a change; true when the power goes off with it, or is off.
static bool goes_off(void) {
  if (is_off) return true;
  counts.changes++;
  if (countdown > 0 && --countdown == 0) {
    is_off = true;
    counts.cuts++;
  }
  return is_off;
}

static sqlite3_file *real_of(sqlite3_file *file) { return ((power_file *)file)->real; }

// Counts a write; true when there is no room for it.
static bool is_full(void) {
  if (writes_before_full > 0) {
    writes_before_full--;
    return false;
  }
  if (writes_while_full == 0) return false;
  writes_while_full--;
  counts.refused++;
  return true;
}

static int power_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset) {
  pthread_mutex_lock(&lock);
  inode *shadow = ((power_file *)file)->shadow;
  if (shadow && !is_off && is_full()) {
    pthread_mutex_unlock(&lock);
    return SQLITE_FULL;
  }
  int code = SQLITE_IOERR_WRITE;
  bool was_off = is_off;
  bool fails = shadow ? goes_off() : is_off;
  // What was being written when the power went may have come to the disk, in part.
  if (shadow && !was_off) remember(shadow, offset, bytes, length);
  if (!fails) code = real_of(file)->pMethods->xWrite(real_of(file), bytes, length, offset);
  pthread_mutex_unlock(&lock);
  return code;
}

static int power_truncate(sqlite3_file *file, sqlite3_int64 size) {
  pthread_mutex_lock(&lock);
  inode *shadow = ((power_file *)file)->shadow;
  int code = SQLITE_IOERR_TRUNCATE;
  bool was_off = is_off;
  bool fails = shadow ? goes_off() : is_off;
  if (shadow && !was_off) remember(shadow, size, NULL, 0);
  if (!fails) code = real_of(file)->pMethods->xTruncate(real_of(file), size);
  pthread_mutex_unlock(&lock);
  return code;
}

static int power_sync(sqlite3_file *file, int flags) {
  (void)flags;
  pthread_mutex_lock(&lock);
  inode *shadow = ((power_file *)file)->shadow;
  bool fails = shadow ? goes_off() : is_off;
  if (!fails && shadow && !ignores_syncs) {
    counts.syncs++;
    make_durable(shadow);
    if (shadow->syncs_directory) sync_directory();
    shadow->syncs_directory = false;
  }
  pthread_mutex_unlock(&lock);
  // The real disk is not asked: this one is the model's.
  return fails ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int power_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset) {
  if (wl_power_is_off()) return SQLITE_IOERR_READ;
  return real_of(file)->pMethods->xRead(real_of(file), bytes, length, offset);
}

static int power_close(sqlite3_file *file) {
  int code = real_of(file)->pMethods->xClose(real_of(file));
  pthread_mutex_lock(&lock);
  if (((power_file *)file)->shadow) open_files--;
  pthread_mutex_unlock(&lock);
  return code;
}

static int power_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int power_lock(sqlite3_file *file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}
static int power_unlock(sqlite3_file *file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int power_check_lock(sqlite3_file *file, int *result) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}
static int power_control(sqlite3_file *file, int operation, void *argument) {
  // Neither chunked growth nor hints may change the file behind the model's back.
  if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE) return SQLITE_OK;
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}
static int power_sector_size(sqlite3_file *file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}
static int power_characteristics(sqlite3_file *file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
static int power_shm_map(sqlite3_file *file, int page, int size, int extends, void volatile **memory) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extends, memory);
}
static int power_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
static void power_shm_barrier(sqlite3_file *file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}
static int power_shm_unmap(sqlite3_file *file, int deletes) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), deletes);
}

// Version 2: shared memory, and no memory-mapped files, which would be written past the model.
static const sqlite3_io_methods methods = {
    2, power_close, power_read, power_write, power_truncate, power_sync, power_size, power_lock, power_unlock,
    power_check_lock, power_control, power_sector_size, power_characteristics, power_shm_map, power_shm_lock,
    power_shm_barrier, power_shm_unmap, NULL, NULL};

static int power_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
  (void)vfs;
  power_file *own = (power_file *)file;
  own->base.pMethods = NULL;
  own->shadow = NULL;
  own->real = (sqlite3_file *)(own + 1);
  int kept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
  pthread_mutex_lock(&lock);
  int code = SQLITE_CANTOPEN;
  bool is_kept = path != NULL && (flags & kept) != 0;
  bool is_new = is_kept && access(path, F_OK) != 0;
  if (!is_off && !(is_new && (flags & SQLITE_OPEN_CREATE) && goes_off()))
    code = usual->xOpen(usual, path, own->real, flags, out_flags);
  if (code == SQLITE_OK && is_kept) {
    entry *place = entry_of(path);
    if (is_new || place->now == NULL) {
      place->now = must(calloc(1, sizeof(inode)));
      resize(place->now, 0);
      if (is_new) {
        place->now->syncs_directory = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
      } else {
        // Not seen before: taken for durable, as after a restart.
        if (read_whole(path, place->now) != 0) abort();
        place->synced = place->now;
      }
    }
    own->shadow = place->now;
    open_files++;
  }
  if (code == SQLITE_OK) own->base.pMethods = &methods;
  pthread_mutex_unlock(&lock);
  return code;
}

static int power_delete(sqlite3_vfs *vfs, const char *path, int syncs_directory) {
  (void)vfs;
  pthread_mutex_lock(&lock);
  int code = SQLITE_IOERR_DELETE;
  if (!goes_off()) {
    code = usual->xDelete(usual, path, 0);
    if (code == SQLITE_OK) {
      entry *place = entry_of(path);
      if (place->now != place->synced) free_inode(place->now);
      place->now = NULL;
      if (syncs_directory && !ignores_syncs) sync_directory();
    }
  }
  pthread_mutex_unlock(&lock);
  return code;
}

static int power_access(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
  (void)vfs;
  if (wl_power_is_off()) return SQLITE_IOERR_ACCESS;
  return usual->xAccess(usual, path, flags, result);
}

// --- The face ----------------------------------------------------------------------------------------

int wl_power_install(void) {
  static sqlite3_vfs own;
  usual = sqlite3_vfs_find(NULL);
  if (usual == NULL) return SQLITE_ERROR;
  own = *usual;
  own.zName = "power-loss";
  own.pNext = NULL;
  own.szOsFile = (int)sizeof(power_file) + usual->szOsFile;
  own.xOpen = power_open;
  own.xDelete = power_delete;
  own.xAccess = power_access;
  return sqlite3_vfs_register(&own, 1);
}

void wl_power_cut_after(int64_t changes) {
  pthread_mutex_lock(&lock);
  countdown = changes;
  pthread_mutex_unlock(&lock);
}

void wl_power_cut(void) {
  pthread_mutex_lock(&lock);
  if (!is_off) counts.cuts++;
  is_off = true;
  pthread_mutex_unlock(&lock);
}

bool wl_power_is_off(void) {
  pthread_mutex_lock(&lock);
  bool result = is_off;
  pthread_mutex_unlock(&lock);
  return result;
}

void wl_power_fill(int64_t after, int64_t writes) {
  pthread_mutex_lock(&lock);
  writes_before_full = after;
  writes_while_full = writes;
  pthread_mutex_unlock(&lock);
}

void wl_power_ignore_syncs(bool ignores) { ignores_syncs = ignores; }

// Which file stands under a name after a cut: with the directory unsynced, the old one or the new one.
static inode *surviving(entry *place) {
  if (place->synced == place->now) return place->now;
  bool is_new = random_below(2) == 0;
  if (place->now == NULL && !is_new) counts.files_back++;
  if (place->synced == NULL && !is_new) counts.files_vanished++;
  return is_new ? place->now : place->synced;
}

// The shared memory beside a database is never synced: as it was, gone, or rubbish.
static void spoil_shared_memory(const char *database) {
  char path[4096];
  if (strlen(database) + 5 > sizeof path) return;
  strcpy(path, database);
  strcat(path, "-shm");
  struct stat status;
  if (stat(path, &status) != 0) return;
  uint64_t way = random_below(3);
  if (way == 0) return;
  if (way == 1) {
    unlink(path);
    return;
  }
  inode rubbish = {0};
  resize(&rubbish, status.st_size);
  for (int64_t index = 0; index < rubbish.size; index++) rubbish.durable[index] = (unsigned char)random_bits();
  write_whole(path, &rubbish);
  free(rubbish.durable);
}

int wl_power_restore(uint64_t seed) {
  pthread_mutex_lock(&lock);
  int result = open_files;
  if (result == 0) {
    random_state = seed;
    while (entries) {
      entry *place = entries;
      inode *file = surviving(place);
      if (file) survive(file);
      if (file) result = write_whole(place->path, file);
      else if (unlink(place->path) != 0 && errno != ENOENT) result = -errno;
      size_t length = strlen(place->path);
      bool is_beside = length > 4 && strcmp(place->path + length - 4, "-wal") == 0;
      if (!is_beside) spoil_shared_memory(place->path);
      if (place->synced != place->now) free_inode(place->synced);
      free_inode(place->now);
      entries = place->next;
      free(place->path);
      free(place);
      if (result != 0) break;
    }
    countdown = 0;
    is_off = false;
  }
  pthread_mutex_unlock(&lock);
  return result;
}

wl_power_counts wl_power_count(void) {
  pthread_mutex_lock(&lock);
  wl_power_counts result = counts;
  pthread_mutex_unlock(&lock);
  return result;
}
