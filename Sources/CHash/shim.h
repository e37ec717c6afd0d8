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

/// XXH3, 64 bits, of a seed's own.
static inline unsigned long long wl_hash64_seeded(const void *bytes, unsigned long length, unsigned long long seed) {
  return XXH3_64bits_withSeed(bytes, length, seed);
}

#endif
