"""A bare Debian tree, made once by debootstrap and kept in the cache directory."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

DEFAULT_MIRROR = "http://deb.debian.org/debian"
# What a server has, and nothing that Waterline itself should ask for.
BASE = ("systemd", "systemd-sysv", "dbus", "init-system-helpers")


def suite() -> str:
    """The machine's own: packages built here run on no older one."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    return re.search(r"^VERSION_CODENAME=(\w+)", text, re.MULTILINE)[1]


def mirror() -> str:
    """Where apt takes this suite's packages from."""
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Release: {suite()}"],
        capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.split() if line.startswith("http")]
    return found[0] if found else DEFAULT_MIRROR


def dependencies(debs: list[Path]) -> list[str]:
    """What the packages depend on, first alternatives only, as apt would choose them."""
    ours = {deb.name.split("_")[0] for deb in debs}
    names = set()
    for deb in debs:
        field = subprocess.run(["dpkg-deb", "--field", deb, "Depends"], capture_output=True, text=True, check=True)
        for part in field.stdout.split(","):
            names.add(part.split("|")[0].split("(")[0].strip())
    return sorted(names - ours - set(BASE) - {""})


def bare_tree(debs: list[Path]) -> Path:
    """A tree with the base system and what the packages depend on, but not the packages."""
    wanted = [*BASE, *dependencies(debs)]
    key = hashlib.sha256(" ".join([suite(), *wanted]).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "waterline"
    tree = cache / f"{suite()}-{key}"
    if tree.exists():
        return tree
    partial = cache / f"{tree.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(wanted)}", suite(), partial, mirror()],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"debootstrap failed: {done.stdout[-800:]}")
    partial.rename(tree)
    return tree
