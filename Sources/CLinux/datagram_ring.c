#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

// Room for the drop counter and the sender's credentials.
enum { CONTROL_BYTES = 128 };
// Between two slots: at a distance of a power of two the heads of all datagrams would share a few lines of the cache.
enum { APART_BYTES = 320 };

struct wl_datagram_ring {
  unsigned slots;
  size_t stride;
  uint32_t drop_count;
  struct mmsghdr *messages;
  struct iovec *vectors;
  uint8_t *control;
  int64_t *users;
  struct sockaddr_storage *addresses;
  uint8_t *memory;
};

wl_datagram_ring *wl_datagram_ring_create(unsigned slots, unsigned slot_bytes) {
  wl_datagram_ring *ring = calloc(1, sizeof *ring);
  if (!ring) return NULL;
  ring->slots = slots;
  ring->stride = (size_t)slot_bytes + APART_BYTES;
  ring->messages = calloc(slots, sizeof *ring->messages);
  ring->vectors = calloc(slots, sizeof *ring->vectors);
  ring->control = calloc(slots, CONTROL_BYTES);
  ring->users = calloc(slots, sizeof *ring->users);
  ring->addresses = calloc(slots, sizeof *ring->addresses);
  void *memory = mmap(NULL, slots * ring->stride, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ring->memory = memory == MAP_FAILED ? NULL : memory;
  if (!ring->messages || !ring->vectors || !ring->control || !ring->users || !ring->addresses ||
      !ring->memory) {
    wl_datagram_ring_destroy(ring);
    return NULL;
  }
  for (unsigned slot = 0; slot < slots; slot++) {
    ring->vectors[slot].iov_base = ring->memory + slot * ring->stride;
    ring->vectors[slot].iov_len = slot_bytes;
    ring->messages[slot].msg_hdr.msg_iov = &ring->vectors[slot];
    ring->messages[slot].msg_hdr.msg_iovlen = 1;
    ring->messages[slot].msg_hdr.msg_name = &ring->addresses[slot];
  }
  return ring;
}

void wl_datagram_ring_destroy(wl_datagram_ring *ring) {
  if (!ring) return;
  if (ring->memory) munmap(ring->memory, ring->slots * ring->stride);
  free(ring->messages);
  free(ring->vectors);
  free(ring->control);
  free(ring->users);
  free(ring->addresses);
  free(ring);
}

static void note_control(wl_datagram_ring *ring, int index) {
  struct msghdr *header = &ring->messages[index].msg_hdr;
  ring->users[index] = -1;
  for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level != SOL_SOCKET) continue;
    if (control->cmsg_type == SO_RXQ_OVFL) {
      memcpy(&ring->drop_count, CMSG_DATA(control), sizeof ring->drop_count);
    } else if (control->cmsg_type == SCM_CREDENTIALS) {
      struct ucred credentials;
      memcpy(&credentials, CMSG_DATA(control), sizeof credentials);
      ring->users[index] = credentials.uid;
    }
  }
}

int wl_datagram_ring_receive(wl_datagram_ring *ring, int descriptor) {
  for (unsigned slot = 0; slot < ring->slots; slot++) {
    ring->messages[slot].msg_hdr.msg_control = ring->control + (size_t)slot * CONTROL_BYTES;
    ring->messages[slot].msg_hdr.msg_controllen = CONTROL_BYTES;
    ring->messages[slot].msg_hdr.msg_namelen = sizeof *ring->addresses;
  }
  int count = recvmmsg(descriptor, ring->messages, ring->slots, MSG_DONTWAIT, NULL);
  if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  for (int index = 0; index < count; index++) note_control(ring, index);
  return count;
}

const uint8_t *wl_datagram_ring_bytes(const wl_datagram_ring *ring, int index) {
  return ring->memory + (size_t)index * ring->stride;
}

uint32_t wl_datagram_ring_length(const wl_datagram_ring *ring, int index) {
  return ring->messages[index].msg_len;
}

bool wl_datagram_ring_is_truncated(const wl_datagram_ring *ring, int index) {
  return (ring->messages[index].msg_hdr.msg_flags & MSG_TRUNC) != 0;
}

int64_t wl_datagram_ring_user(const wl_datagram_ring *ring, int index) { return ring->users[index]; }

const struct sockaddr *wl_datagram_ring_address(const wl_datagram_ring *ring, int index, socklen_t *length) {
  *length = ring->messages[index].msg_hdr.msg_namelen;
  return (const struct sockaddr *)&ring->addresses[index];
}

uint32_t wl_datagram_ring_drop_count(const wl_datagram_ring *ring) { return ring->drop_count; }
