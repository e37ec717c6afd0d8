"""The units of `systemd/`: checked by systemd's own tools, and run command by command."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import service_manager
from harness import Failed, Place, environment, expect, expect_equal, line, poll, send_stream
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
    for program in ("usr/bin/waterlined", "usr/bin/waterline", "usr/bin/waterline-agent", "bin/sh", "bin/grep"):
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


def metrics(text: str) -> dict[str, float]:
    """Samples by name and labels, as the official parser reads them; Prometheus' own linter has nothing to say."""
    linted = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    expect_equal((linted.returncode, linted.stdout + linted.stderr), (0, ""), "promtool check metrics")
    samples = {}
    for family in text_string_to_metric_families(text):
        expect(family.documentation != "" and family.type in ("counter", "gauge"), f"no HELP or TYPE: {family}")
        for sample in family.samples:
            expect((family.type == "counter") == sample.name.endswith("_total"), f"odd name {sample.name}")
            samples[sample.name + "".join(sample.labels.values())] = sample.value
    return samples


@check
def metrics_from_a_port_and_a_file(place: Place) -> None:
    file = place.path("metrics/waterline.prom")
    settings = {"WATERLINE_METRICS_FILE": str(file), "WATERLINE_METRICS_LISTEN": "127.0.0.1:0"}
    with place.daemon(env=settings) as daemon:
        address = daemon.wait_for("metrics at").rsplit(" ", 1)[1]
        poll(file.exists, "the file")
        metrics(file.read_text(encoding="utf-8"))
        good = line(time=service_manager.time.time_ns() // 1_000_000, user="ada", app="crm", feature="f")
        send_stream(place.stream, good * 3 + b"{}\n")
        place.wait_for_events(4)
        # A client that says nothing must not keep others waiting for long.
        with socket.create_connection(address.rsplit(":", 1)):
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                expect(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), "the type")
                samples = metrics(answer.read().decode())
        expect_equal(samples["waterline_events_stored_totalunix-stream"], 3.0, "stored")
        expect_equal(samples["waterline_events_rejected_totalunix-stream"], 1.0, "rejected")
        expect_equal(samples["waterline_write_failing"], 0.0, "failing")
        try:
            urllib.request.urlopen(f"http://{address}/other", timeout=10)
            raise Failed("/other is answered")
        except urllib.error.HTTPError as error:
            expect_equal(error.code, 404, "status of /other")
        expect_equal(daemon.stop(), 0, "exit code")
        expect_equal(file.stat().st_mode & 0o777, 0o644, "mode of the file")
        expect_equal([path.name for path in file.parent.iterdir()], ["waterline.prom"], "files left")


@check
def metrics_from_a_unix_socket(place: Place) -> None:
    path = place.path("metrics.sock")
    with place.daemon(env={"WATERLINE_METRICS_LISTEN": str(path)}) as daemon:
        poll(path.exists, "the socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(path))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        head, body = answer.split("\r\n\r\n", 1)
        expect("200 OK" in head and "waterline_build_info" in str(metrics(body)), head)
        expect_equal(daemon.stop(), 0, "exit code")
        expect(not path.exists(), "the socket file is left behind")


@check
def metrics_stay_on_this_host(place: Place) -> None:
    for address in ("0.0.0.0:0", "192.0.2.1:9", "relative.sock"):
        result = place.program(["--db", place.database, "--udp", "127.0.0.1:0"], name="waterlined",
                               env={"WATERLINE_METRICS_LISTEN": address})
        result.expect_one_line(1, "metrics_listen", address)
