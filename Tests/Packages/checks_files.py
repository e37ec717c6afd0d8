"""What is in the packages, without installing them."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from machine import Failed, expect

PROGRAMS = {"waterline": ("waterline", "waterlined"), "waterline-agent": ("waterline-agent",), "waterline-sqlite": ()}


def unpack(deb: Path, directory: Path) -> Path:
    target = directory / deb.name.split("_")[0]
    subprocess.run(["dpkg-deb", "--raw-extract", deb, target], check=True)
    return target


def lintian_has_nothing_to_say(debs: list[Path]) -> None:
    done = subprocess.run(
        ["lintian", "--fail-on", "error,warning", *debs], capture_output=True, text=True, check=False)
    said = [line for line in done.stdout.splitlines() if re.match(r"[EW]: ", line)]
    expect(done.returncode == 0 and not said, f"lintian: {said or done.stderr}")


def overrides_have_reasons(trees: dict[str, Path]) -> None:
    for tree in trees.values():
        for path in (tree / "usr/share/lintian/overrides").glob("*"):
            before = ""
            for line in path.read_text(encoding="utf-8").splitlines():
                expect(line.startswith("#") or before != "", f"{path.name}: '{line}' has no reason above it")
                before = line


def everything_is_there(trees: dict[str, Path]) -> None:
    for package, tree in trees.items():
        doc = tree / "usr/share/doc" / package
        for name in ("copyright", "changelog.gz"):
            expect((doc / name).exists(), f"{package}: no {name}")
        for program in PROGRAMS[package]:
            expect((tree / "usr/bin" / program).stat().st_mode & 0o777 == 0o755, f"mode of {program}")
            section = "1" if program == "waterline" else "8"
            expect((tree / f"usr/share/man/man{section}/{program}.{section}.gz").exists(), f"no page of {program}")
            for path in (f"usr/share/bash-completion/completions/{program}",
                         f"usr/share/zsh/vendor-completions/_{program}",
                         f"usr/share/fish/vendor_completions.d/{program}.fish"):
                expect((tree / path).stat().st_size > 100, f"no {path}")
        for unit in tree.glob("lib/systemd/system/*"):
            text = unit.read_text(encoding="utf-8")
            for page, section in re.findall(r"man:([\w.-]+)\((\d)\)", text):
                found = [other for other in trees.values()
                         if (other / f"usr/share/man/man{section}/{page}.{section}.gz").exists()]
                expect(bool(found), f"{unit.name} names the page {page}({section}), which no package has")
        conffiles = tree / "DEBIAN/conffiles"
        listed = conffiles.read_text(encoding="utf-8").split() if conffiles.exists() else []
        found = [f"/{path.relative_to(tree)}" for path in tree.glob("etc/**/*") if path.is_file()]
        expect(sorted(listed) == sorted(found), f"{package}: conffiles {listed}, in /etc {found}")


def nothing_of_the_toolchain_is_needed(trees: dict[str, Path]) -> None:
    for tree in trees.values():
        for path in [*tree.glob("usr/bin/*"), *tree.glob("usr/lib/*/*.so")]:
            text = subprocess.run(["readelf", "--dynamic", path], capture_output=True, text=True, check=True).stdout
            expect("libswift" not in text and "libFoundation" not in text, f"{path.name} needs the Swift runtime")
            expect("RUNPATH" not in text or "/opt/" not in text, f"{path.name} looks for libraries of the toolchain")


def pages_are_sound(trees: dict[str, Path]) -> None:
    for tree in trees.values():
        for path in tree.glob("usr/share/man/*/*.gz"):
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=gzip.decompress(path.read_bytes()),
                                  capture_output=True, check=False)
            expect(not done.stdout, f"{path.name}: {done.stdout.decode()[:300]}")


def pages(trees: dict[str, Path]) -> dict[str, str]:
    """Man pages as text, a command of several lines on one."""
    texts = {}
    for tree in trees.values():
        for path in tree.glob("usr/share/man/*/*.gz"):
            text = gzip.decompress(path.read_bytes()).decode()
            texts[path.name.removesuffix(".gz")] = text.replace("\\e\n", " ").replace("\\e", "\\")
    return texts


def examples_of_pages_can_be_typed(trees: dict[str, Path]) -> None:
    """Every command of ours in an example exists, and so do its options."""
    helps: dict[tuple[str, ...], str] = {}
    seen = 0
    for page, text in pages(trees).items():
        for block in re.findall(r"^\.Bd.*?$(.*?)^\.Ed", text, re.MULTILINE | re.DOTALL):
            for line in block.strip().splitlines():
                for part in re.split(r" \| | && ", line):
                    words = part.split()
                    if not words or words[0] not in ("waterline", "waterlined", "waterline-agent"):
                        continue
                    seen += 1
                    check_example(trees, helps, page, words)
    expect(seen > 30, f"only {seen} examples found")


def check_example(trees: dict[str, Path], helps: dict[tuple[str, ...], str], page: str, words: list[str]) -> None:
    program = words[0]
    package = "waterline-agent" if program == "waterline-agent" else "waterline"
    command = [str(trees[package] / "usr/bin" / program)]
    names = []
    for word in words[1:]:
        if not re.fullmatch(r"[a-z][a-z-]*", word) or len(names) == 2:
            break
        names.append(word)
    text = ""
    for count in range(len(names), -1, -1):
        key = (program, *names[:count])
        if key not in helps:
            done = subprocess.run([*command, *names[:count], "--help"], capture_output=True, text=True, check=False)
            helps[key] = done.stdout if done.returncode == 0 else ""
        text = helps[key]
        if text:
            break
    expect(program != "waterline" or count > 0, f"{page}: no command '{' '.join(words[:2])}'")
    for option in re.findall(r"(?<!\S)--[a-z-]+", " ".join(words)):
        expect(f"{option} " in text or f"{option}\n" in text or option == "--",
               f"{page}: '{' '.join(words)}': there is no {option}")


def configuration_is_described(trees: dict[str, Path]) -> None:
    """Each key stands in the default file and in the page, each flag in the page; default files are good."""
    for program, package in (("waterlined", "waterline"), ("waterline-agent", "waterline-agent")):
        if package not in trees:
            continue
        tree = trees[package]
        default = tree / f"etc/waterline/{program}.yaml"
        waterline = trees["waterline"] / "usr/bin/waterline"
        check = [waterline, "config", "check", "--program", program]
        done = subprocess.run([*check, default], capture_output=True, text=True, check=False)
        expect(done.returncode == 0, f"{default.name}: {done.stderr}")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as wrong:
            wrong.write("nonsense: 1\n")
            wrong.flush()
            done = subprocess.run([*check, wrong.name], capture_output=True, text=True, check=False)
        keys = done.stderr.split("known are ")[1].strip().split(", ")
        text = default.read_text(encoding="utf-8")
        described = pages(trees)[f"{program}.yaml.5"]
        for key in keys:
            expect(re.search(rf"^#?{key}:", text, re.MULTILINE) is not None, f"{default.name} is silent about {key}")
            expect(re.search(rf"\.It Ic (.* , )?{key}\b", described) is not None, f"{program}.yaml(5): no {key}")
        uncommented = re.sub(r"^#([a-z_]+:)", r"\1", text, flags=re.MULTILINE)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as all_set:
            all_set.write(uncommented)
            all_set.flush()
            done = subprocess.run([*check, all_set.name], capture_output=True, text=True, check=False)
        expect(done.returncode == 0, f"{default.name} with every key set: {done.stderr}")
        shown = subprocess.run([tree / "usr/bin" / program, "--help"], capture_output=True, text=True, check=True)
        flags = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", shown.stdout, re.MULTILINE))
        for flag in flags - {"--help", "--version"}:
            expect(f"Fl {flag[1:]}" in pages(trees)[f"{program}.8"], f"{program}(8) is silent about {flag}")


def completions_work(trees: dict[str, Path]) -> None:
    for package, tree in trees.items():
        for program in PROGRAMS[package]:
            for shell, path in (("bash", f"usr/share/bash-completion/completions/{program}"),
                                ("zsh", f"usr/share/zsh/vendor-completions/_{program}"),
                                ("fish", f"usr/share/fish/vendor_completions.d/{program}.fish")):
                if shutil.which(shell) is None:
                    raise Failed(f"{shell} is not installed: run scripts/setup packages")
                flag = "--no-execute" if shell == "fish" else "-n"
                done = subprocess.run([shell, flag, tree / path], capture_output=True, text=True, check=False)
                expect(done.returncode == 0, f"{path}: {done.stderr}")
    waterline = trees["waterline"]
    for words, completed in ((["waterline", "bott"], "bottlenecks"), (["waterline", "export", "cov"], "coverage")):
        script = (f"PATH={waterline}/usr/bin:$PATH; . {waterline}/usr/share/bash-completion/completions/waterline; "
                  f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
                  f"_waterline waterline {words[-1]} {words[-2]}; echo ${{COMPREPLY[*]}}")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
        expect(done.stdout.strip() == completed, f"bash completes {words} to {done.stdout!r}, {done.stderr!r}")


def check_all(debs: list[Path], tell) -> None:
    """Runs every check of this file."""
    lintian_has_nothing_to_say(debs)
    tell("lintian-has-nothing-to-say")
    with tempfile.TemporaryDirectory(prefix="waterline-packages-") as directory:
        trees = {deb.name.split("_")[0]: unpack(deb, Path(directory)) for deb in debs}
        for check in (overrides_have_reasons, everything_is_there, nothing_of_the_toolchain_is_needed,
                      pages_are_sound, examples_of_pages_can_be_typed, configuration_is_described,
                      completions_work):
            check(trees)
            tell(check.__name__.replace("_", "-"))
