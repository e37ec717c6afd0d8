// What the senders and raw receivers share: addresses, clocks, errors.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

static inline void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline double now_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct address { union { struct sockaddr any; struct sockaddr_in ip; struct sockaddr_un path; } of; socklen_t length; };

// `udp` takes a port on the loopback interface, `unix-datagram` and `unix-stream` a path.
static inline int open_socket(const char *transport, const char *place, struct address *address) {
  memset(address, 0, sizeof *address);
  int is_udp = !strcmp(transport, "udp"), is_stream = !strcmp(transport, "unix-stream");
  if (!is_udp && !is_stream && strcmp(transport, "unix-datagram")) { errno = EINVAL; fail(transport); }
  if (is_udp) {
    address->of.ip.sin_family = AF_INET;
    address->of.ip.sin_port = htons((in_port_t)atoi(place));
    address->of.ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address->length = sizeof address->of.ip;
  } else {
    if (strlen(place) >= sizeof address->of.path.sun_path) { errno = ENAMETOOLONG; fail(place); }
    address->of.path.sun_family = AF_UNIX;
    strcpy(address->of.path.sun_path, place);
    address->length = sizeof address->of.path;
  }
  int descriptor = socket(is_udp ? AF_INET : AF_UNIX, (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  if (descriptor < 0) fail("socket");
  return descriptor;
}
