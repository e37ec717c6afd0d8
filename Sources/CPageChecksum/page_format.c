#include "page_format.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

// Waterline's application id (schemas/store.sql).
static const unsigned char application_id[4] = {'W', 'L', 'N', '1'};

bool wl_is_page_size(int64_t length) {
  return length >= PAGE_MIN && length <= PAGE_MAX && (length & (length - 1)) == 0;
}

uint64_t wl_checksum_of(const unsigned char *page, int length, uint32_t number) {
  uint64_t sum = XXH3_64bits_withSeed(page, (size_t)(length - CHECKSUM), number);
  return sum == 0 ? 1 : sum;  // 0 says that there is none
}

uint64_t wl_checksum_in(const unsigned char *page, int length) {
  uint64_t sum = 0;
  for (int index = CHECKSUM - 1; index >= 0; index--) sum = sum << 8 | page[length - CHECKSUM + index];
  return sum;
}

void wl_seal(unsigned char *page, int length, uint32_t number) {
  uint64_t sum = wl_checksum_of(page, length, number);
  for (int index = 0; index < CHECKSUM; index++) page[length - CHECKSUM + index] = (unsigned char)(sum >> 8 * index);
}

bool wl_is_database(const unsigned char *header) { return memcmp(header, "SQLite format 3", 16) == 0; }

bool wl_has_room(unsigned char *page, int length) {
  if (!wl_is_database(page)) return false;
  if (page[RESERVED_AT] == CHECKSUM) return true;
  if (memcmp(page + APPLICATION_AT, application_id, sizeof application_id) != 0) return false;
  uint64_t sum = wl_checksum_in(page, length);
  unsigned char reserved = page[RESERVED_AT];
  page[RESERVED_AT] = CHECKSUM;
  bool was_sealed = sum != 0 && sum == wl_checksum_of(page, length, 1);
  page[RESERVED_AT] = reserved;
  return was_sealed;
}

int wl_page_size_of(const unsigned char *header) {
  int size = header[PAGE_SIZE_AT] << 8 | header[PAGE_SIZE_AT + 1];
  return size == 1 ? PAGE_MAX : size;
}
