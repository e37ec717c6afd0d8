#ifndef WATERLINE_CHASH_H
#define WATERLINE_CHASH_H

// XXH3 as inline functions: short keys are hashed on the ingest path without a call.
#define XXH_INLINE_ALL
#include <xxhash.h>

/// XXH3, 64 bits, seed 0.
static inline unsigned long long wl_hash64(const void *bytes, unsigned long length) {
  return XXH3_64bits(bytes, length);
}

/// Asks for the cache line at an address, which is going to be read.
static inline void wl_prefetch(const void *address) { __builtin_prefetch(address); }

/// As above, for all of so many bytes: the cache's lines are 64.
static inline void wl_prefetch_bytes(const void *address, size_t count) {
  for (size_t offset = 0; offset < count; offset += 64) __builtin_prefetch((const char *)address + offset);
}

/// XXH3, 64 bits, of a seed's own.
static inline unsigned long long wl_hash64_seeded(const void *bytes, unsigned long length, unsigned long long seed) {
  return XXH3_64bits_withSeed(bytes, length, seed);
}

#endif
