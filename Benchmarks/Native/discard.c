// Receives and discards: what the kernel alone allows.
//
//   discard udp|unix-datagram|unix-stream PORT|PATH [recv|recvmmsg]
//
// Prints a line with the port or path when it listens. Ends half a second after the last bytes, or after
// ten seconds without any, and prints what it received.
#define _GNU_SOURCE
#include <poll.h>
#include <stdint.h>
#include <unistd.h>
#include "sockets.h"

enum { SLOTS = 64, SLOT_BYTES = 65536, BUFFER_BYTES = 8 << 20 };

int main(int count, char **arguments) {
  if (count < 3) { fprintf(stderr, "discard: see the head of discard.c\n"); return 2; }
  struct address address;
  int descriptor = open_socket(arguments[1], arguments[2], &address), one = 1, size = BUFFER_BYTES;
  setsockopt(descriptor, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(descriptor, &address.of.any, address.length)) fail(arguments[2]);
  int is_stream = !strcmp(arguments[1], "unix-stream"), many = count > 3 && !strcmp(arguments[3], "recvmmsg");
  if (is_stream && listen(descriptor, 8)) fail("listen");
  if (!strcmp(arguments[1], "udp")) {
    if (getsockname(descriptor, &address.of.any, &address.length)) fail("getsockname");
    printf("%d\n", ntohs(address.of.ip.sin_port));
  } else {
    printf("%s\n", arguments[2]);
  }
  fflush(stdout);
  if (is_stream) {
    descriptor = accept(descriptor, NULL, NULL);
    if (descriptor < 0) fail("accept");
  }
  char *bytes = calloc(SLOTS, SLOT_BYTES);
  struct mmsghdr messages[SLOTS];
  struct iovec parts[SLOTS];
  char controls[SLOTS][64];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < SLOTS; i++) {
    parts[i] = (struct iovec){bytes + (size_t)i * SLOT_BYTES, SLOT_BYTES};
    messages[i].msg_hdr.msg_iov = &parts[i], messages[i].msg_hdr.msg_iovlen = 1;
  }
  long datagrams = 0;
  uint64_t total = 0;
  uint32_t drops = 0;
  double first = 0, last = 0, cpu = 0;
  int slots = many ? SLOTS : 1;
  for (;;) {
    if (is_stream) {
      ssize_t n = read(descriptor, bytes, 4 * SLOT_BYTES);
      if (n <= 0) break;
      if (!datagrams++) first = now_seconds(), cpu = cpu_seconds();
      total += (uint64_t)n, last = now_seconds();
      continue;
    }
    for (int i = 0; i < slots; i++)
      messages[i].msg_hdr.msg_control = controls[i], messages[i].msg_hdr.msg_controllen = sizeof controls[i];
    int n = recvmmsg(descriptor, messages, (unsigned int)slots, MSG_DONTWAIT, NULL);
    if (n <= 0) {
      if (n < 0 && errno != EAGAIN && errno != EINTR) fail("recvmmsg");
      if (datagrams) last = now_seconds();
      struct pollfd wait = {descriptor, POLLIN, 0};
      if (poll(&wait, 1, datagrams ? 500 : 10000) == 0) break;
      continue;
    }
    if (!datagrams) first = now_seconds(), cpu = cpu_seconds();
    datagrams += n;
    for (int i = 0; i < n; i++) {
      total += messages[i].msg_len;
      for (struct cmsghdr *c = CMSG_FIRSTHDR(&messages[i].msg_hdr); c; c = CMSG_NXTHDR(&messages[i].msg_hdr, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) memcpy(&drops, CMSG_DATA(c), 4);
    }
  }
  printf("{\"received\": %ld, \"bytes\": %llu, \"drops\": %u, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", datagrams,
         (unsigned long long)total, drops, last - first, cpu_seconds() - cpu);
}
