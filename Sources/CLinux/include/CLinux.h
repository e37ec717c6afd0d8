#ifndef WATERLINE_CLINUX_H
#define WATERLINE_CLINUX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

// recvmmsg(2) needs _GNU_SOURCE and flexible structures that Swift's Glibc module does not import.
// This shim owns the message headers and hands out plain pointers and lengths.

typedef struct wl_datagram_ring wl_datagram_ring;

/// Makes room for `slots` datagrams of up to `slot_bytes` each; NULL without memory. Pages are only
/// touched as datagrams arrive.
wl_datagram_ring *wl_datagram_ring_create(unsigned slots, unsigned slot_bytes);
void wl_datagram_ring_destroy(wl_datagram_ring *ring);

/// Receives without blocking. Returns the number of datagrams (0 when none waits) or -errno.
int wl_datagram_ring_receive(wl_datagram_ring *ring, int descriptor);

/// Datagram `index` of the last receive.
const uint8_t *wl_datagram_ring_bytes(const wl_datagram_ring *ring, int index);
uint32_t wl_datagram_ring_length(const wl_datagram_ring *ring, int index);
/// Whether it was longer than its slot and lost its end.
bool wl_datagram_ring_is_truncated(const wl_datagram_ring *ring, int index);
/// Account of the sender of datagram `index` (SCM_CREDENTIALS), or -1 where the kernel does not tell.
int64_t wl_datagram_ring_user(const wl_datagram_ring *ring, int index);
/// Where datagram `index` came from; `length` is 0 when its sender has no address.
const struct sockaddr *wl_datagram_ring_address(const wl_datagram_ring *ring, int index, socklen_t *length);
/// The socket's drop counter (SO_RXQ_OVFL) as of the last datagram that carried it.
uint32_t wl_datagram_ring_drop_count(const wl_datagram_ring *ring);

/// accept4(2), non-blocking and close-on-exec; a descriptor or -errno.
int wl_accept(int descriptor);
/// open(2) of a directory only to reach what is in it (O_PATH); a descriptor or -errno.
int wl_open_directory(const char *path);
/// eventfd(2), non-blocking and close-on-exec; a descriptor or -1.
int wl_eventfd(void);

/// Asks for the senders' credentials on a Unix datagram socket (SO_PASSCRED); 0 or -errno.
int wl_enable_credentials(int descriptor);
/// Account of whoever connected a Unix stream (SO_PEERCRED), or -errno.
int64_t wl_peer_user(int descriptor);
/// Asks for SO_RXQ_OVFL on a socket; 0 or -errno.
int wl_enable_drop_count(int descriptor);
/// Raises the receive buffer as far as allowed (SO_RCVBUFFORCE, else SO_RCVBUF) and returns its size as
/// the kernel states it, or -errno.
int wl_raise_receive_buffer(int descriptor, int bytes);

/// Starts a process in a session of its own that gets `input`, at most 64 KiB, as standard input and none of the
/// caller's descriptors; 0 or -errno.
int wl_spawn_apart(const char *path, char *const arguments[], char *const environment[],
                   const void *input, size_t count);

#endif
