"""The life of the packages on a booted Debian: one story, told in steps."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from collections.abc import Iterator
from pathlib import Path

from machine import Machine, expect, poll

FIXTURES = Path(__file__).resolve().parents[1] / "CommandLine/Fixtures"
SOCKETS = ("waterlined-udp.socket", "waterlined-datagram.socket", "waterlined-stream.socket")
CONFIGURATION = "/etc/waterline/waterlined.yaml"
DATABASE = "/var/lib/waterline/waterline.db"
LISTENING = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c101"
EXPOSURE_MAX = 1.5
UPGRADE = "+upgrade"


def later_version(deb: Path, directory: Path) -> Path:
    """The same package under a later version."""
    tree = directory / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)$", rf"\1{UPGRADE}", control.read_text(), flags=re.MULTILINE))
    target = directory / f"later-{deb.name}"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, target], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return target


class Story:
    """Steps on one machine; each begins where the one before ended."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    # What the steps use

    def status(self) -> dict:
        done = self.machine.run("waterline status --format json")
        return {row["name"]: row["value"] for row in json.loads(done.stdout)["rows"]}

    def wait_for_events(self, count: int, seconds: float = 60) -> dict:
        poll(lambda: self.status()["stored"] >= count, f"{count} events to be stored; {self.status()}", seconds)
        return self.status()

    def process(self, unit: str = "waterlined.service") -> int:
        return int(self.machine.unit(unit, "MainPID"))

    @contextmanager
    def traffic(self, prefix: str) -> Iterator[dict]:
        """Numbered events without a pause; what was sent stands in the result at the end."""
        sent: dict = {}
        script = Path(__file__).parent / "traffic.py"
        sender = subprocess.Popen(
            ["nsenter", f"--target={self.machine.leader}", "--net", sys.executable, script, self.machine.root,
             prefix],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield sent
            out, _ = sender.communicate(timeout=60)
        finally:
            if sender.poll() is None:
                sender.kill()
        expect(sender.returncode == 0, "the senders failed")
        sent |= json.loads(out)
        expect(min(sent.values()) > 50, f"hardly any traffic: {sent}")

    def expect_nothing_lost(self, before: dict, sent: dict) -> None:
        total = before["stored"] + sum(sent.values())
        seen = self.wait_for_events(total)
        expect(seen["stored"] == total and seen["lost"] == before["lost"] and seen["rejected"] == before["rejected"],
               f"sent {sent}, before {before}, now {seen}")

    def verify(self, *units: str, options: str = "") -> None:
        done = self.machine.run(f"XDG_RUNTIME_DIR=/tmp systemd-analyze {options} --man=no verify {' '.join(units)}",
                                check=False)
        ours = [line for line in done.stderr.splitlines() if "waterline" in line]
        expect(done.returncode == 0 and not ours, f"systemd-analyze verify: {done.stderr}")

    def expect_hardened(self, unit: str) -> None:
        text = self.machine.run(f"systemd-analyze --no-pager security {unit}").stdout
        exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", text)[1])
        expect(exposure <= EXPOSURE_MAX, f"{unit}: exposure {exposure}")

    # Steps

    def install(self) -> None:
        run = self.machine.run
        run("dpkg --install /packages/waterline_*.deb /packages/waterline-sqlite_*.deb")
        expect(self.machine.is_active("waterlined.service", *SOCKETS), "not everything runs after the installation")
        expect(run("waterline --version").stdout == run("waterlined --version").stdout, "two versions")
        listed = run(f"stat -c '%U:%G %a' /var/lib/waterline {DATABASE} /etc/waterline/keys /run/waterline").stdout
        expect(listed.split("\n")[:4] == ["waterline:waterline 750", "waterline:waterline 640", "root:root 700",
                                          "waterline:waterline 755"], f"owners and modes: {listed}")

    def first_event_of_anyone(self) -> None:
        run = self.machine.run
        run("useradd --create-home ada; useradd --groups waterline grace")
        run("waterline send --collector /run/waterline/datagram.sock --app shell --feature hello", user="ada")
        self.wait_for_events(1)
        grace = run("HOME=/home/grace waterline status --format json", user="grace")
        expect(json.loads(grace.stdout)["rows"] != [], "grace reads nothing")
        refused = run("HOME=/home/ada waterline status", user="ada", check=False)
        expect(refused.returncode == 1 and "adduser LOGIN waterline" in refused.stderr, f"ada: {refused}")
        denied = run("HOME=/home/grace waterline settings set organisation.name X", user="grace", check=False)
        expect(denied.returncode == 1, "grace writes")

    def first_imports(self) -> None:
        for kind in ("roster", "catalog", "tickets", "events"):
            text = (FIXTURES / f"{kind}.csv").read_text(encoding="utf-8")
            self.machine.run(f"waterline import {kind} -", input=text)
        self.machine.run("waterline settings set organisation.timezone Europe/Oslo")
        self.machine.run("HOME=/home/grace waterline coverage --from 2026-03-02 --to 2026-03-30", user="grace")
        self.machine.run("waterline doctor")

    def units_are_verified_and_hardened(self) -> None:
        self.verify("waterlined.service", *SOCKETS, "waterline-export@erosion.service",
                    "waterline-export@erosion.timer")
        for unit in ("waterlined.service", "waterline-export@erosion.service"):
            self.expect_hardened(unit)

    def reload(self) -> None:
        machine = self.machine
        process = self.process()
        text = machine.run(f"cat {CONFIGURATION}").stdout
        machine.write(CONFIGURATION, text + "log_level: debug\n")
        machine.run("systemctl reload waterlined")
        machine.write(CONFIGURATION, text + "log_level: loud\n")
        failed = machine.run("systemctl reload waterlined", check=False)
        expect(failed.returncode != 0, "a faulty configuration was taken")
        poll(lambda: "log_level 'loud' is none of" in machine.journal("waterlined"), "the fault in the journal")
        expect(machine.is_active("waterlined.service") and self.process() == process, "the daemon went away")
        machine.write(CONFIGURATION, text)
        machine.run("systemctl reload waterlined")

    def keys_are_handed_over(self) -> None:
        machine = self.machine
        machine.run("umask 077; printf 'key: %s\\n' $(head -c 32 /dev/urandom | base64) "
                    "> /etc/waterline/keys/pc-17.key")
        text = machine.run(f"cat {CONFIGURATION}").stdout
        machine.write(CONFIGURATION, text + "mode: sign\n")
        machine.run("systemctl restart waterlined")
        expect(machine.is_active("waterlined.service"), "it does not run with keys")
        before = self.status()
        machine.run("waterline send --collector 127.0.0.1:4717 --app shell --feature unsigned", check=False)
        poll(lambda: sum(value for name, value in self.status().items() if name.startswith("refused_packets."))
             > 0 or self.status()["rejected"] > before["rejected"], "an unsigned event to be refused")
        machine.write(CONFIGURATION, text)
        machine.run("systemctl restart waterlined")

    def agent_delivers(self) -> None:
        machine = self.machine
        machine.run("dpkg --install /packages/waterline-agent_*.deb")
        self.verify("waterline-agent.service")
        self.verify("waterline-agent.service", options="--user")
        self.expect_hardened("waterline-agent.service")
        state = machine.unit("waterline-agent.service", "ActiveState")
        expect(state == "inactive", f"an agent without a collector is {state}")
        agent = "/etc/waterline/waterline-agent.yaml"
        text = machine.run(f"cat {agent}").stdout
        machine.write(agent, text + "collector: 127.0.0.1:4717\n")
        machine.run("systemctl restart waterline-agent")
        before = self.status()["stored"]
        send = "waterline send --collector /run/waterline-agent/stream.sock --app shell --feature agent"
        machine.run(send, user="ada")
        self.wait_for_events(before + 1)
        # With the key of a step before, which systemd hands to both.
        machine.run("install -m 0600 /etc/waterline/keys/pc-17.key /etc/waterline/agent.key")
        machine.write(agent, text + "collector: 127.0.0.1:4717\nmode: encrypt\nkey_id: pc-17\n")
        collector = machine.run(f"cat {CONFIGURATION}").stdout
        machine.write(CONFIGURATION, collector + "mode: encrypt\n")
        machine.run("systemctl restart waterlined waterline-agent")
        machine.run(send, user="ada")
        self.wait_for_events(before + 2)
        # What comes while the collector is away waits in the spool, also over a restart of the agent.
        machine.run(f"systemctl stop {' '.join(SOCKETS)} waterlined.service")
        for _ in range(5):
            machine.run(send, user="ada")
        machine.run("systemctl restart waterline-agent")
        machine.run(f"systemctl start {' '.join(SOCKETS)} waterlined.service")
        seen = self.wait_for_events(before + 7)
        expect(seen["stored"] == before + 7, f"stored {seen['stored']}, not {before + 7}")
        machine.write(CONFIGURATION, collector)
        machine.run("systemctl restart waterlined; systemctl stop waterline-agent")

    def upgrade_under_traffic(self) -> None:
        before, process = self.status(), self.process()
        with self.traffic("upgrade") as sent:
            time.sleep(1)
            self.machine.run("dpkg --install /packages/later-waterline_*.deb")
            expect(self.process() not in (0, process), "the old daemon still runs")
            time.sleep(1)
        self.expect_nothing_lost(before, sent)
        version = self.machine.run("dpkg-query --show --showformat='${Version}' waterline").stdout
        expect(version.endswith(UPGRADE), f"version {version}")

    def watchdog_under_traffic(self) -> None:
        machine = self.machine
        machine.write("/etc/systemd/system/waterlined.service.d/quick.conf", "[Service]\nWatchdogSec=2\n")
        machine.run("systemctl daemon-reload; systemctl restart waterlined")
        before, process = self.status(), self.process()
        with self.traffic("watchdog") as sent:
            time.sleep(1)
            machine.run(f"kill -STOP {process}")
            poll(lambda: self.process() not in (0, process), "systemd to restart a daemon that stands still")
            poll(lambda: machine.is_active("waterlined.service"), "it to be ready again")
            time.sleep(1)
        # It was killed: what it had read and not yet stored is gone, at most the batch under way, and counted.
        total = before["stored"] + sum(sent.values())
        poll(lambda: self.status()["stored"] + self.status()["lost"] - before["lost"] >= total - 2 * 50,
             f"the rest to be stored; {sent}, {self.status()}")
        expect(machine.unit("waterlined.service", "NRestarts") == "1", "it was not restarted once")
        expect("watchdog" in machine.run("journalctl -u waterlined --no-pager -n 30").stdout.lower(), "no word of it")
        machine.run("rm -r /etc/systemd/system/waterlined.service.d; systemctl daemon-reload; "
                    "systemctl restart waterlined")

    def stop_under_load(self) -> None:
        before = self.status()
        with self.traffic("stop") as sent:
            time.sleep(1)
            self.machine.run("systemctl stop waterlined.service", check=False)
            time.sleep(0.5)
        self.expect_nothing_lost(before, sent)

    def commands_of_root_leave_the_file_to_the_daemon(self) -> None:
        machine = self.machine
        machine.run(f"systemctl stop {' '.join(SOCKETS)} waterlined.service")
        machine.run("rm -f /var/lib/waterline/waterline.db.lock; waterline settings set organisation.name Example")
        expect(self.status()["daemon"] == "not running", "it runs")
        owners = machine.run("stat -c %U /var/lib/waterline/*").stdout.split()
        expect(set(owners) == {"waterline"}, f"owners: {machine.run('ls -l /var/lib/waterline').stdout}")
        machine.run(f"systemctl start {' '.join(SOCKETS)} waterlined.service")
        expect(machine.is_active("waterlined.service"), machine.journal("waterlined"))

    def report_every_monday(self) -> None:
        machine = self.machine
        expect(machine.is_active("waterline-export@erosion.timer"), "the package does not start the erosion report")
        machine.run("systemctl enable --now waterline-export@story.timer")
        shown = machine.run("systemctl list-timers --all --no-pager waterline-export@erosion.timer").stdout
        expect(re.search(r"^Mon ", shown, re.MULTILINE) is not None, f"the timer: {shown}")
        expect(machine.unit("waterline-export@erosion.timer", "Persistent") == "yes", "not persistent")
        expect(machine.unit("waterline-export@erosion.timer", "RandomizedDelayUSec") == "30min", "no delay")
        for kind in ("erosion", "coverage", "desk", "story"):
            machine.run(f"systemctl start waterline-export@{kind}.service")
        listed = machine.run("stat -c '%n %U:%G %a' /var/lib/waterline/reports/*").stdout.splitlines()
        expect([line.split("/")[-1] for line in listed] == [
            f"{kind}.html waterline:waterline 640" for kind in ("coverage", "desk", "erosion", "story")], f"{listed}")
        machine.run("cd /var/lib/waterline/reports && rm desk.html && mkdir desk.html")
        failed = machine.run("systemctl start waterline-export@desk.service", check=False)
        expect(failed.returncode != 0, "an export that failed passes for done")
        poll(lambda: "move the directory" in machine.journal("waterline-export@desk"), "what to do, in the journal")
        machine.run("rmdir /var/lib/waterline/reports/desk.html; systemctl start waterline-export@desk.service")

    def journal_explains(self) -> None:
        text = self.machine.run(f"journalctl -x -o short MESSAGE_ID={LISTENING} --no-pager").stdout
        for words in ("listening on", "Subject: Waterline collects usage events"):
            expect(words in text, f"journal without {words!r}: {text[-400:]}")

    def journal_has_no_complaints(self) -> None:
        text = self.machine.run("journalctl --no-pager -o cat -u 'waterline*'").stdout
        noise = [line for line in text.splitlines() if "Failed to set" in line or "Permission denied" in line]
        expect(not noise, f"journal: {noise[:3]}")

    def extension_loads(self) -> None:
        library = self.machine.run("dpkg --listfiles waterline-sqlite | grep [.]so$").stdout.strip()
        self.machine.run("waterline backup /root/copy.db")
        script = ("import sqlite3; d = sqlite3.connect('copy.db'); "
                  "d.enable_load_extension(True); d.load_extension('./libwaterline_events.so'); "
                  "print(d.execute('SELECT count(*) FROM event').fetchone()[0])")
        # The tree has no program that could load it: one of this host does, with the tree's library.
        with tempfile.TemporaryDirectory(prefix="waterline-extension-") as directory:
            for path in (library, "/root/copy.db"):
                shutil.copy(f"{self.machine.root}{path}", directory)
            done = subprocess.run([sys.executable, "-c", script], cwd=directory, capture_output=True, text=True,
                                  check=False)
        expect(done.returncode == 0 and int(done.stdout) > 0, f"extension: {done.stdout}{done.stderr}")

    def remove_keeps(self) -> None:
        run = self.machine.run
        self.events = self.status()["stored"]
        run("dpkg --remove waterline")
        expect(not self.machine.is_active("waterlined.service"), "it still runs")
        expect(run("ls /run/waterline/*.sock", check=False).returncode != 0, "sockets are left")
        expect(run("ls /lib/systemd/system/waterlined*", check=False).returncode != 0, "units are left")
        run(f"test -s {DATABASE} -a -s {CONFIGURATION} -a -s /etc/waterline/keys/pc-17.key")
        run("dpkg --install /packages/waterline_*.deb")
        expect(self.machine.is_active("waterlined.service", *SOCKETS), "not everything runs after a new installation")
        expect(self.status()["stored"] == self.events, "events are gone")

    def purge_removes(self) -> None:
        run = self.machine.run
        run("dpkg --purge waterline waterline-agent waterline-sqlite")
        left = run("find / -xdev ! -path '/proc/*' ! -path '/packages*' -iname '*waterline*' 2>/dev/null",
                   check=False)
        # The journal's entries stay, and so does the account: nobody else is to get its number.
        names = [name for name in left.stdout.split() if not name.startswith(("/var/log/", "/home/", "/tmp/"))]
        expect(names == [], f"left behind: {names}")
        expect(run("id waterline", check=False).returncode == 0, "the account is gone")
        failed = run("systemctl --failed --no-legend --plain | grep waterline", check=False).stdout
        expect(failed == "", f"failed units: {failed}")


STEPS = (
    Story.install, Story.first_event_of_anyone, Story.first_imports, Story.units_are_verified_and_hardened,
    Story.reload, Story.keys_are_handed_over, Story.agent_delivers, Story.upgrade_under_traffic,
    Story.watchdog_under_traffic, Story.stop_under_load, Story.commands_of_root_leave_the_file_to_the_daemon,
    Story.report_every_monday, Story.journal_explains, Story.journal_has_no_complaints, Story.extension_loads,
    Story.remove_keeps, Story.purge_removes)


def check_all(tree: Path, packages: Path, tell) -> None:
    """Boots a machine and runs all steps."""
    with tempfile.TemporaryDirectory(prefix="waterline-machine-") as directory:
        shared = Path(directory) / "packages"
        shutil.copytree(packages, shared)
        waterline, = shared.glob("waterline_*.deb")
        later_version(waterline, shared)
        with Machine(tree, shared, Path(directory) / "console.log") as machine:
            tell("boot")
            story = Story(machine)
            for step in STEPS:
                if step is Story.agent_delivers and not list(shared.glob("waterline-agent_*")):
                    continue
                try:
                    step(story)
                except BaseException:
                    print(machine.run("journalctl --no-pager -n 40 -u 'waterline*'", check=False).stdout[-3000:])
                    raise
                tell(step.__name__.replace("_", "-"))
