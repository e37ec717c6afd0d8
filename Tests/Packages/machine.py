"""A booted Debian in a container of systemd-nspawn, on a throw-away copy of a tree."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

BOOT_SECONDS = 60
COMMAND_SECONDS = 120


class Failed(Exception):
    """Something did not go as it should."""


class CannotBoot(Exception):
    """This host allows no containers of systemd-nspawn: nothing is said about the packages."""


def expect(condition: bool, text: str) -> None:
    if not condition:
        raise Failed(text)


def poll(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise Failed(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.05)


class Machine:
    """Boots on entering, halts on leaving. The tree itself is never written."""

    def __init__(self, tree: Path, packages: Path, log: Path) -> None:
        self.command = [
            "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--private-network",
            "--volatile=overlay", "--link-journal=no", f"--bind-ro={packages}:/packages", f"--directory={tree}"]
        self.log_path = log
        self.leader = 0

    def __enter__(self) -> Machine:
        self.log = self.log_path.open("wb")
        # A console of its own: it must not take this one's keys.
        self.process = subprocess.Popen(
            [*self.command, "--console=pipe"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True)
        try:
            poll(self.is_up, "the machine to boot", BOOT_SECONDS)
        except Failed as failure:
            self.halt()
            text = self.log_path.read_text(encoding="utf-8", errors="replace")
            raise CannotBoot(f"{failure}: {text[-600:]}") from None
        return self

    def is_up(self) -> bool:
        if self.process.poll() is not None:
            raise Failed(f"systemd-nspawn ended with {self.process.returncode}")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            if Path(f"/proc/{child}/comm").read_text().strip() in ("systemd", "init"):
                self.leader = int(child)
        if not self.leader:
            return False
        # It may say "degraded" for units that a container cannot have.
        return self.run("systemctl is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def __exit__(self, *_: object) -> None:
        self.halt()

    def halt(self) -> None:
        if self.process.poll() is None and self.leader:
            os.kill(self.leader, signal.SIGRTMIN + 3)  # systemd(1): halt
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    @property
    def root(self) -> Path:
        """The machine's files, as this process reaches them."""
        return Path(f"/proc/{self.leader}/root")

    def run(self, command: str, check: bool = True, user: str = "root", input: str | None = None
            ) -> subprocess.CompletedProcess:
        """Runs a shell command in the machine."""
        inside = ["/bin/sh", "-c", f"cd /; {command}"]
        if user != "root":
            inside = ["/sbin/runuser", "-u", user, "--", *inside]
        done = subprocess.run(
            ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
             "--root", "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             "HOME=/root", "LC_ALL=C.UTF-8", "TERM=dumb", "DEBIAN_FRONTEND=noninteractive", *inside],
            capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False, input=input,
            stdin=subprocess.DEVNULL if input is None else None)
        if check and done.returncode != 0:
            raise Failed(f"{command!r} ended with {done.returncode}: {(done.stderr or done.stdout)[-600:]}")
        return done

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        self.run(f"mkdir -p {shlex.quote(str(Path(path).parent))}; cat > {shlex.quote(path)}; "
                 f"chmod {mode:o} {shlex.quote(path)}", input=text)

    def unit(self, name: str, field: str) -> str:
        return self.run(f"systemctl show --value -p {field} {name}").stdout.strip()

    def is_active(self, *units: str) -> bool:
        return self.run(f"systemctl is-active {' '.join(units)}", check=False).returncode == 0

    def journal(self, unit: str) -> str:
        return self.run(f"journalctl -u {unit} -o cat --no-pager -n 20", check=False).stdout
