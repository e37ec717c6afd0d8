// Sends a file's events to a collector, as fast as it goes or at a rate; ends when the file does.
//
//   send udp|unix-datagram|unix-stream PORT|PATH lines|frames FILE [DATAGRAMS_A_SECOND [COUNT]]
//   send udp|unix-datagram|unix-stream PORT|PATH zeros BYTES COUNT
//
// On datagram sockets a datagram carries one line without its line feed, or one frame (schemas/usage-batch.md); on
// a stream the bytes go out as they are, 64 KiB at a time. `zeros` sends COUNT pieces of BYTES bytes. Prints what
// it sent, and how long it took.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sockets.h"

enum { PIECES = 32, STREAM_BYTES = 65536 };

static size_t piece_length(const char *form, const char *at, size_t left, size_t *skip) {
  *skip = 0;
  if (*form == 'l') {
    const char *end = memchr(at, '\n', left);
    if (!end) return left;
    *skip = 1;
    return (size_t)(end - at);
  }
  unsigned int length;
  if (left < 8 || memcmp(at, "WLB1", 4)) { fprintf(stderr, "send: no frame\n"); exit(1); }
  memcpy(&length, at + 4, 4);
  if (length > left - 8) { fprintf(stderr, "send: a frame is cut short\n"); exit(1); }
  return 8 + (size_t)length;
}

static void report(long pieces, size_t bytes, double start) {
  printf("{\"sent\": %ld, \"bytes\": %zu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", pieces, bytes,
         now_seconds() - start, cpu_seconds());
}

static void wait_for_turn(double start, long sent, double rate) {
  double early = rate > 0 ? (double)sent / rate - (now_seconds() - start) : 0;
  if (early > 0.0005) usleep((useconds_t)(early * 1e6));
}

static void send_all(int descriptor, struct mmsghdr *messages, unsigned int count) {
  unsigned int done = 0;
  while (done < count) {
    int sent = sendmmsg(descriptor, messages + done, count - done, 0);
    if (sent > 0) done += (unsigned int)sent;
    else if (errno != EINTR && errno != ENOBUFS && errno != EAGAIN) fail("send");
  }
}

int main(int argument_count, char **arguments) {
  if (argument_count < 5) { fprintf(stderr, "send: see the head of send.c\n"); return 2; }
  struct address address;
  int descriptor = open_socket(arguments[1], arguments[2], &address);
  if (connect(descriptor, &address.of.any, address.length)) fail(arguments[2]);
  int is_stream = !strcmp(arguments[1], "unix-stream"), is_zeros = !strcmp(arguments[3], "zeros");
  char *bytes;
  size_t length;
  if (is_zeros) {
    length = (size_t)atol(arguments[4]);
    bytes = calloc(1, length + 1);
  } else {
    int file = open(arguments[4], O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status)) fail(arguments[4]);
    length = (size_t)status.st_size;
    bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED) fail(arguments[4]);
  }
  double rate = !is_zeros && argument_count > 5 ? atof(arguments[5]) : 0;
  long count_max = argument_count > (is_zeros ? 5 : 6) ? atol(arguments[is_zeros ? 5 : 6]) : (is_zeros ? 1 : 0);
  double start = now_seconds();
  long sent = 0;
  size_t total = 0;
  if (is_stream) {
    for (long turn = 0; turn < (is_zeros ? count_max : 1); turn++) {
      for (size_t at = 0; at < length;) {
        ssize_t n = write(descriptor, bytes + at, length - at < STREAM_BYTES ? length - at : STREAM_BYTES);
        if (n > 0) at += (size_t)n, total += (size_t)n;
        else if (errno != EINTR) fail("write");
      }
      sent++;
    }
    report(sent, total, start);
    return 0;
  }
  struct mmsghdr messages[PIECES] = {0};
  struct iovec parts[PIECES];
  for (size_t at = 0; is_zeros ? sent < count_max : (at < length && (!count_max || sent < count_max));) {
    unsigned int n = 0;
    for (; n < PIECES && (is_zeros || at < length) && (!count_max || sent + n < count_max); n++) {
      size_t skip = 0, size = is_zeros ? length : piece_length(arguments[3], bytes + at, length - at, &skip);
      parts[n] = (struct iovec){bytes + (is_zeros ? 0 : at), size};
      messages[n].msg_hdr = (struct msghdr){.msg_iov = &parts[n], .msg_iovlen = 1};
      at += size + skip, total += size;
    }
    send_all(descriptor, messages, n);
    sent += n;
    wait_for_turn(start, sent, rate);
  }
  report(sent, total, start);
}
