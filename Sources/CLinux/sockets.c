#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>

int wl_enable_drop_count(int descriptor) {
  int one = 1;
  return setsockopt(descriptor, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one) == 0 ? 0 : -errno;
}

int wl_enable_credentials(int descriptor) {
  int one = 1;
  return setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &one, sizeof one) == 0 ? 0 : -errno;
}

int64_t wl_peer_user(int descriptor) {
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -errno;
  return credentials.uid;
}

int wl_raise_receive_buffer(int descriptor, int bytes) {
  int before = 0;
  socklen_t size = sizeof before;
  // A socket that was handed over may have more than this process is allowed to ask for: never lower it.
  if (getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &before, &size) == 0 && before >= bytes) return before;
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0 &&
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) != 0) {
    return -errno;
  }
  int actual = 0;
  socklen_t length = sizeof actual;
  if (getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &actual, &length) != 0) return -errno;
  return actual;
}

int wl_accept(int descriptor) {
  int accepted = accept4(descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return accepted >= 0 ? accepted : -errno;
}

int wl_open_directory(const char *path) {
  int descriptor = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return descriptor >= 0 ? descriptor : -errno;
}

int wl_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
