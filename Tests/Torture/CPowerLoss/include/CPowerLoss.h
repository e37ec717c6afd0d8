#ifndef WATERLINE_CPOWERLOSS_H
#define WATERLINE_CPOWERLOSS_H

#include <stdbool.h>
#include <stdint.h>

// A SQLite VFS that stands on the usual one and can lose power.
//
// Files lie where they always do, with what the page cache would show. Beside them the VFS remembers what
// a disk would surely hold: what was there when a file was opened, and what xSync put there since. A cut
// fails every call from then on; wl_power_restore then writes to each file what survived: the synced bytes,
// and of what was not synced a seeded choice of sectors, some of them torn. Directory entries are subject to
// the same: a file that was made, or deleted, without its directory being synced may not be, or may be back.
//
// One process, one directory of databases at a time.

/// Makes it SQLite's default VFS; returns an SQLite code.
int wl_power_install(void);

/// Cuts the power at the n-th change from now: a write, truncation, sync, deletion or new file. 0: never.
void wl_power_cut_after(int64_t changes);

/// Whether the power is off.
bool wl_power_is_off(void);

/// Cuts the power now.
void wl_power_cut(void);

/// Has the disk full for some writes, after some that still find room; 0, 0: there is room.
void wl_power_fill(int64_t after, int64_t writes);

/// A disk that says "synced" and has not: to show that the checks would notice.
void wl_power_ignore_syncs(bool ignores);

/// Writes what survived to the files and forgets the rest; every file must be closed.
///
/// Returns 0, or the number of files still open (nothing is done then), or -errno.
int wl_power_restore(uint64_t seed);

/// Counts since the start, to show that something was at stake.
typedef struct {
  int64_t changes;
  int64_t syncs;
  int64_t cuts;
  /// Sectors that were not synced at a cut, and what became of them.
  int64_t sectors_kept;
  int64_t sectors_lost;
  int64_t sectors_torn;
  /// New files that were not there after a cut, deleted ones that were back.
  int64_t files_vanished;
  int64_t files_back;
  /// Writes that found no room.
  int64_t refused;
} wl_power_counts;

wl_power_counts wl_power_count(void);

#endif
