"""Running programs and measuring them: wall and processor time, peak memory, medians of interleaved pairs."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Sequence

SECONDS_MAX = 1_800  # no program under measurement may hang the run
FAR_BEHIND_SECONDS = 60

# A program's peak memory, as the kernel counts it, is at least what this one has when it starts the other: its peak
# ever with vfork, its memory of the moment with fork.
subprocess._USE_VFORK = False


def give_back_memory() -> None:
    """What compared answers took."""
    ctypes.CDLL(None).malloc_trim(0)


def fetch_memory(count: int = 1 << 30) -> None:
    """Has the host of a virtual machine give back memory that it took when a large file went: its first touch takes
    many times as long, and whoever comes next would pay."""
    with mmap.mmap(-1, count) as memory:
        for page in range(0, count, mmap.PAGESIZE):
            memory[page] = 1


def uncache(path: Path) -> None:
    """Has the kernel keep nothing of a file that was only copied: or whoever needs memory next would make the room."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def say(what: str) -> None:
    """A line of progress."""
    print(f"benchmark: {time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


class BenchmarkError(Exception):
    """A measurement could not be made."""


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: bytes
    system_seconds: float = 0  # the kernel's part of `cpu_seconds`


@dataclass
class Process:
    """A process whose resources are known when it has ended."""

    arguments: Sequence[str]
    child: subprocess.Popen[bytes]
    log: Path
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, arguments: Sequence[Any], log: Path, stdout: Any = subprocess.DEVNULL, **more: Any) -> Process:
        texts = [str(argument) for argument in arguments]
        give_back_memory()
        with open(log, "ab") as errors:
            child = subprocess.Popen(texts, stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors, **more)
        return cls(texts, child, log)

    def stop(self, number: signal.Signals = signal.SIGTERM, meanwhile: Callable[[], None] = lambda: None) -> Run:
        self.child.send_signal(number)
        return self.wait(meanwhile)

    def wait(self, meanwhile: Callable[[], None] = lambda: None) -> Run:
        """Waits for its end, doing something every 2 ms; the processor time is that of all its threads."""
        limit = time.monotonic() + SECONDS_MAX
        while True:
            pid, status, usage = os.wait4(self.child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > limit:
                self.child.kill()
                raise BenchmarkError(f"{self.arguments[0]} did not end within {SECONDS_MAX} s")
            meanwhile()
            time.sleep(0.002)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        if self.child.returncode != 0:
            lines = self.log.read_text(errors="replace").strip().splitlines()
            raise BenchmarkError(
                f"`{' '.join(self.arguments)}` ended with {self.child.returncode}: {lines[-1] if lines else 'no message'}")
        seconds = time.monotonic() - self.started
        return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, b"", usage.ru_stime)


def run(arguments: Sequence[Any], log: Path, **more: Any) -> Run:
    """Runs a program to its end and returns what it printed and took."""
    answer = log.with_suffix(".out")
    with open(answer, "wb") as file:
        done = Process.start(arguments, log, stdout=file, **more).wait()
    return Run(done.seconds, done.cpu_seconds, done.peak_bytes, answer.read_bytes())


def interleaved(count: int, measures: dict[str, Callable[[], Run]]) -> dict[str, Run]:
    """Each measure `count` times, in turn, so that a disturbance meets them all; the run of median time.

    Its output is the last run's. What is far behind all others in the first turn is not run again.
    """
    runs: dict[str, list[Run]] = {name: [] for name in measures}
    for turn in range(count):
        behind = far_behind({name: found[0].seconds for name, found in runs.items()}) if turn else None
        names = list(measures) if turn % 2 == 0 else list(reversed(measures))
        for name in names:
            if name != behind:
                runs[name] = [replace(earlier, output=b"") for earlier in runs[name]] + [measures[name]()]
    return {name: median_run(found) for name, found in runs.items()}


def far_behind(seconds: dict[str, float]) -> str | None:
    """Who took over a minute and more than twice as long as anybody else, so that no median makes it the best."""
    if len(seconds) < 2:
        return None
    *_, second, slowest = sorted(seconds.values())
    return max(seconds, key=seconds.get) if slowest > FAR_BEHIND_SECONDS and slowest > 2 * second else None


def median_run(runs: list[Run]) -> Run:
    return Run(
        statistics.median(run.seconds for run in runs), statistics.median(run.cpu_seconds for run in runs),
        max(run.peak_bytes for run in runs), runs[-1].output)


def processor_times(pid: int) -> tuple[int, int]:
    """User and system time of a process so far, all threads, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]), int(fields[12])


def processor_ticks(pid: int) -> int:
    """Both together."""
    return sum(processor_times(pid))


def memory_bytes(pid: int, name: str) -> int:
    """VmRSS or VmHWM of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise BenchmarkError(f"process {pid} has no {name}")


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    limit = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > limit:
            raise BenchmarkError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.005)
    return value
