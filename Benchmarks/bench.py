"""Where things are during one run: programs, data, scratch, peers."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import BenchmarkError, run

HERE = Path(__file__).resolve().parent
NATIVE = ("generate", "send", "discard")


@dataclass
class Bench:
    """One run's surroundings. `peers` is what install-peers made, or nothing."""

    binaries: Path
    work: Path
    peers: Path | None
    pairs: int = 1  # interleaved runs of each

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        self.log = self.work / "log"
        self.log.write_text("")

    @property
    def waterline(self) -> Path:
        return self.binaries / "waterline"

    @property
    def waterlined(self) -> Path:
        return self.binaries / "waterlined"

    def native(self, name: str) -> Path:
        return self.work / name

    def compile(self) -> None:
        """The generator, the sender and the raw receiver, with the C compiler that is there."""
        for name in NATIVE:
            command = ["cc", "-O2", "-Wall", "-o", str(self.native(name)), str(HERE / "Native" / f"{name}.c"), "-lm"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except FileNotFoundError:
                done = subprocess.run(["clang", *command[1:]], capture_output=True, text=True, check=False)
            if done.returncode:
                raise BenchmarkError(f"{name}.c does not compile: {done.stderr.strip().splitlines()[:1]}")

    def data(self, name: str, events: int, **parameters: Any) -> Path:
        """The generator's files of so many events; made once."""
        directory = self.work / name
        if not (directory / "parameters.json").exists():
            options = [part for key, value in parameters.items() for part in (f"--{key}", str(value))]
            run([self.native("generate"), "--out", directory, "--events", events, *options], self.log)
        return directory

    def python(self) -> Path | None:
        path = self.peers / "venv/bin/python" if self.peers else None
        return path if path and path.exists() else None

    def ask(self, database: Path, *arguments: Any) -> Any:
        """One command's JSON."""
        done = run([self.waterline, "--db", database, *arguments, "--format", "json"], self.log)
        return json.loads(done.output)

    def status(self, database: Path) -> dict[str, Any]:
        return {row["name"]: row["value"] for row in self.ask(database, "status")["rows"]}

    def clear(self, database: Path) -> Path:
        """Removes a database and what lies beside it."""
        for suffix in ("", "-wal", "-shm", ".lock", ".control"):
            Path(f"{database}{suffix}").unlink(missing_ok=True)
        return database


def parameters(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "parameters.json").read_text())
