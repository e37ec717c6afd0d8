"""The guided story of docs/story.md: every command in it runs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from harness import Place, expect, expect_equal
from registry import check

STORY = Path(__file__).resolve().parents[2] / "docs" / "story.md"


def commands() -> str:
    """All shell blocks of the page, one after the other."""
    blocks = re.findall(r"```sh\n(.*?)```", STORY.read_text(encoding="utf-8"), re.DOTALL)
    return "".join(blocks)


@check
def story_runs_from_beginning_to_end(place: Place) -> None:
    script = commands()
    expect(script.count("waterline ") > 12, "the story has lost its commands")
    environment = dict(os.environ, PATH=f"{place.binaries}:{os.environ['PATH']}")
    environment.pop("WATERLINE_DB", None)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=place.directory, env=environment,
                          capture_output=True, text=True, timeout=120, check=False)
    expect_equal(done.returncode, 0, f"exit code; {done.stderr[-300:]}")
    expect("supplier.create" in done.stdout, "the planted bottleneck does not show")
    expect("supplier clinic" in done.stdout, "the intervention is not listed")
