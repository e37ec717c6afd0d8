#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/types.h>
#include <unistd.h>

int wl_spawn_apart(const char *path, char *const arguments[], char *const environment[],
                   const void *input, size_t count) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -errno;
  ssize_t written = write(ends[1], input, count);
  int problem = written < 0 ? errno : (size_t)written < count ? ENOBUFS : 0;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (problem == 0) problem = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  if (problem == 0) problem = posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
  for (int target = STDOUT_FILENO; target <= STDERR_FILENO && problem == 0; target++)
    problem = posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_WRONLY, 0);
  if (problem == 0) problem = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  pid_t process;
  if (problem == 0) problem = posix_spawn(&process, path, &actions, &attributes, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[0]);
  close(ends[1]);
  return -problem;
}
