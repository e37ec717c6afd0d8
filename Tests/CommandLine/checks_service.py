"""The units of `systemd/`: checked by systemd's own tools, and run command by command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import service_manager
from harness import Failed, Place, environment, expect, expect_equal
from registry import add, check

UNITS = service_manager.UNITS
EXPOSURE_MAX = 1.5
SCENARIO_SECONDS = 120


def check_scenario(name: str, place: Place) -> None:
    namespace = ["unshare", "--net", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        namespace.append("--map-root-user")
    script = Path(service_manager.__file__)
    command = [*namespace, sys.executable, str(script), "--bin", str(place.binaries), name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SCENARIO_SECONDS, check=False,
                          env=environment(place.directory))
    if done.returncode != 0:
        raise Failed(done.stderr[-800:] or f"it ended with {done.returncode}")


for name in service_manager.SCENARIOS:
    add(f"service-{name}", partial(check_scenario, name))


def root_with_units(place: Place) -> Path:
    """A tree with the machine's own units, ours, and programs of the right names."""
    root = place.path("root")
    units = root / "usr/lib/systemd/system"
    shutil.copytree("/usr/lib/systemd/system", units, symlinks=True)
    for pattern in ("*.service", "*.socket", "*.timer"):
        for path in UNITS.glob(pattern):
            shutil.copy(path, units)
    for program in ("usr/bin/waterlined", "usr/bin/waterline", "usr/bin/waterline-agent", "bin/kill"):
        path = root / program
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", path)
    return root


@check
def units_verify_clean(place: Place) -> None:
    root = root_with_units(place)
    names = ["waterlined.service", "waterline-agent.service", "waterline-export@erosion.service",
             "waterline-export@erosion.timer", *(path.name for path in UNITS.glob("*.socket"))]
    done = subprocess.run(["systemd-analyze", f"--root={root}", "--man=no", "verify", *names],
                          capture_output=True, text=True, check=False)
    ours = [text for text in done.stderr.splitlines() if "waterline" in text]
    expect_equal((done.returncode, ours), (0, []), f"systemd-analyze verify ({done.stderr[-300:]})")


@check
def units_are_hardened(place: Place) -> None:
    for unit in ("waterlined.service", "waterline-agent.service", "waterline-export@.service"):
        path = shutil.copy(UNITS / unit, place.path(unit.replace("@", "@erosion")))
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)],
                              capture_output=True, text=True, check=False)
        match = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        expect(match is not None, f"no exposure of {unit}: {done.stderr}")
        expect(float(match[1]) <= EXPOSURE_MAX, f"{unit}: exposure {match[1]}")


@check
def default_configuration_is_good(place: Place) -> None:
    place.run("config", "check", UNITS / "waterlined.yaml").expect(0)


@check
def every_log_message_is_explained(place: Place) -> None:
    source = UNITS.parent / "Sources/ServiceManager/LogMessage.swift"
    numbers = set(re.findall(r'"([0-9a-f]{32})"', source.read_text(encoding="utf-8")))
    catalog = (UNITS / "waterline.catalog").read_text(encoding="utf-8")
    explained = re.findall(r"^-- ([0-9a-f]{32})$", catalog, re.MULTILINE)
    expect_equal(sorted(explained), sorted(numbers), "message numbers in the catalog")


@check
def tables_of_users_and_directories_parse(place: Place) -> None:
    root = place.path("root")
    root.mkdir()
    (root / "etc").mkdir()
    for kind in ("waterline", "waterline-agent"):
        done = subprocess.run(["systemd-sysusers", f"--root={root}", "--dry-run",
                               str(UNITS / f"{kind}.sysusers")], capture_output=True, text=True, check=False)
        expect_equal((done.returncode, "warning" in done.stderr.lower()), (0, False), done.stderr)
    shutil.copy("/etc/passwd", root / "etc/passwd")
    with (root / "etc/passwd").open("a") as file:
        file.write("waterline:x:990:990::/var/lib/waterline:/usr/sbin/nologin\n")
    (root / "etc/group").write_text("root:x:0:\nwaterline:x:990:\n")
    if os.geteuid() == 0:
        done = subprocess.run(["systemd-tmpfiles", f"--root={root}", "--create",
                               str(UNITS / "waterline.tmpfiles")], capture_output=True, text=True,
                              check=False)
        expect_equal((done.returncode, done.stderr), (0, ""), "systemd-tmpfiles")
        made = (root / "run/waterline").stat()
        expect_equal((made.st_uid, made.st_mode & 0o777), (990, 0o755), "/run/waterline")
