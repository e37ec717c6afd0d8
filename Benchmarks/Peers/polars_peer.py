"""Polars answering from its own IPC file, one lazy plan a report; the definitions are those of definitions.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import answer
import polars as pl
from definitions import DAY, Window
from prepare import TABLES

EPISODE_BREAK = 30 * 60_000
TIE = ["time", "source", "seq"]
col = pl.col


def prepare(directory: Path) -> None:
    for name in (*TABLES, "event"):
        pl.scan_parquet(directory / f"{name}.parquet").sink_ipc(directory / f"{name}.arrow")


def when(condition: pl.Expr, value: Any, otherwise: Any = 0) -> pl.Expr:
    return pl.when(condition).then(value).otherwise(otherwise)


def median(name: str) -> pl.Expr:
    return col(name).quantile(0.5, "lower")  # position ceil(n / 2)


class Answers:
    """One window's reports."""

    def __init__(self, directory: Path, window: Window) -> None:
        self.window = window
        self.table = {name: pl.scan_ipc(directory / f"{name}.arrow") for name in (*TABLES, "event")}
        self.features = self.table["feature_name"].collect()
        automatic = self.table["catalog"].filter(col("automatic") == 1).select("feature").collect()["feature"]
        self.events = (
            self.table["event"].filter(~col("feature").is_in(automatic.implode()))
            .join(self.table["user_name"].select("number", "person"), left_on="user", right_on="number"))
        self.inside = (col("time") >= window.start) & (col("time") < window.stop)
        self.ok = (col("kind") == 3) & (col("outcome") == 2)
        self.member = self.members()
        self.target = self.table["catalog"].filter(col("automatic") == 0).select(
            "feature", "target_ms",
            target=pl.max_horizontal(pl.lit(1), (2 * col("target_days") * window.days + 28) // 56)).collect()

    def members(self) -> pl.DataFrame:
        roster = self.table["roster"]
        service = roster.filter(col("service") == 1).select("person")
        start = pl.max_horizontal(col("active_from"), pl.lit(self.window.first))
        stop = pl.min_horizontal(col("active_to"), pl.lit(self.window.last))
        return (roster.filter(start < stop).join(service, on="person", how="anti").sort("active_from")
                .group_by("person").agg(col("department").last(), col("role").last(),
                                        active_days=(stop - start).sum()).collect())

    def of_members(self, events: pl.LazyFrame) -> pl.LazyFrame:
        return events.join(self.member.lazy().select("person"), on="person", how="semi")

    # -- Coverage

    def uncertain_sources(self) -> pl.LazyFrame:
        every = self.table["event"]
        with_gap = every.group_by("source").agg(
            is_open=(col("seq").max() - col("seq").min() + 1) > pl.len()).filter("is_open").select("source")
        return (every.select(TIE).join(with_gap, on="source", how="semi").sort("source", "seq")
                .with_columns(next_seq=col("seq").shift(-1).over("source"), next_time=col("time").shift(-1).over("source"))
                .filter((col("next_seq") > col("seq") + 1)
                        & (pl.min_horizontal("time", "next_time") < self.window.stop)
                        & (pl.max_horizontal("time", "next_time") >= self.window.start))
                .select("source").unique())

    def ledger(self) -> None:
        """Sets `used`, `eligible`, `expectation` and `part`, as in definitions.py."""
        window = self.window
        self.used = (
            self.events.filter((col("kind") == 3) & (col("time") < window.stop))
            .group_by("person", "feature").agg(
                d=when(self.ok & (col("time") >= window.start), col("time") // DAY, None).drop_nulls().n_unique(),
                a=(col("time") >= window.start).sum(),
                ok_before=(self.ok & (col("time") < window.start)).any()).collect())
        sources = self.uncertain_sources().collect()["source"]
        seen = self.events.filter(self.inside).group_by("person").agg(
            uncertain=col("source").is_in(sources.implode()).any()).collect()
        self.eligible = (
            self.member.filter(col("active_days") >= min(14, window.days)).join(seen, on="person", how="left")
            .with_columns(dark=col("uncertain").is_null(), uncertain=col("uncertain").fill_null(False)))
        asked = self.table["catalog_role"].collect().join(self.target.select("feature"), on="feature", how="semi")
        everyone = asked.filter(col("role") == "*").select("feature").join(
            self.member.select("role").unique(), how="cross")
        self.expectation = pl.concat([asked.filter(col("role") != "*").select("feature", "role"), everyone]).unique()
        cell = (self.used.join(self.eligible, on="person").join(self.expectation, on=["feature", "role"], how="semi")
                .join(self.target, on="feature"))
        adopted = col("d") >= col("target")
        cells = cell.group_by("department", "feature").agg(
            adopted=adopted.sum(), tried=((col("d") >= 1) & ~adopted).sum(),
            struggling=((col("d") == 0) & (col("a") > 0)).sum(),
            lapsed=((col("a") == 0) & ~col("dark") & col("ok_before")).sum(),
            uncertain_adopted=(adopted & col("uncertain")).sum(),
            depth=pl.min_horizontal(col("d") / col("target"), pl.lit(1.0)).sum())
        expected = (
            self.eligible.group_by("department", "role").agg(
                expected=pl.len(), dark=col("dark").sum(), uncertain=col("uncertain").sum())
            .join(self.expectation, on="role").group_by("department", "feature")
            .agg(col("expected", "dark", "uncertain").sum()))
        self.part = expected.join(cells, on=["department", "feature"], how="left").with_columns(
            col("adopted", "tried", "struggling", "lapsed", "uncertain_adopted", "depth").fill_null(0))

    def coverage(self, by: list[str]) -> pl.DataFrame:
        self.ledger()
        unexpected = (
            self.used.filter(col("d") > 0).join(self.member, on="person")
            .join(self.eligible.select("person", is_eligible=True), on="person", how="left")
            .join(self.expectation.with_columns(is_expected=True), on=["feature", "role"], how="left")
            .filter(col("is_eligible").is_null() | col("is_expected").is_null()))
        counts = ["expected", "dark", "uncertain", "adopted", "tried", "struggling", "lapsed", "uncertain_adopted", "depth"]
        count = {"unexpected": col("person").n_unique()}
        if by:
            rows = self.part.group_by(by).agg(col(counts).sum()).join(
                unexpected.group_by(by).agg(**count), on=by, how="full", coalesce=True).fill_null(0)
        else:
            rows = self.part.select(col(counts).sum()).hstack(unexpected.select(**count))
        whole = when(col("expected") > 0, col("expected").cast(pl.Float64), None)
        rows = rows.with_columns(
            never=col("expected").cast(pl.Int64) - col("adopted") - col("tried") - col("struggling") - col("dark") - col("lapsed"),
            coverage=col("adopted") / whole, reach=(col("adopted") + col("tried")) / whole, depth=col("depth") / whole,
            observed=1 - col("dark") / whole, low=col("adopted") / whole,
            high=(col("adopted") + col("dark") + col("uncertain") - col("uncertain_adopted")) / whole)
        rows = rows.drop("uncertain", "uncertain_adopted")
        return self.named(rows) if by else rows

    def named(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Feature numbers to names of application and feature."""
        names = self.features.select("number", "app", name="feature")
        return (rows.drop("app", strict=False).join(names, left_on="feature", right_on="number").drop("feature")
                .rename({"name": "feature"}))

    # -- Times

    def times(self) -> None:
        """Sets `pair`, `best` and `slow`."""
        timed = self.of_members(self.events.filter(self.inside & self.ok & (col("duration") >= 0)))
        self.pair = timed.group_by("person", "feature").agg(k=pl.len(), m=median("duration").cast(pl.Int64)).collect()
        peer = self.pair.filter(col("k") >= 5).group_by("feature").agg(
            people=pl.len(), b=col("m").quantile(0.25, "lower").cast(pl.Int64))  # position ceil(n / 4)
        enough = col("people") >= 10
        self.best = (
            self.features.select(feature="number").join(peer, on="feature", how="left")
            .join(self.target, on="feature", how="left").with_columns(col("people").fill_null(0))
            .with_columns(b=when(enough, col("b"), col("target_ms").cast(pl.Int64)))
            .with_columns(b=when(col("b") > 0, col("b"), None))
            .with_columns(kind=pl.when(col("b").is_null()).then(pl.lit("none")).when(enough).then(pl.lit("peers"))
                          .otherwise(pl.lit("target")))
            .select("feature", "people", "b", "kind"))
        self.judged = self.pair.join(self.best.select("feature", "b").drop_nulls(), on="feature")
        steady = self.judged.filter((col("k") >= 5) & (col("m") > col("b")))
        excess = (timed.join(steady.lazy(), on=["person", "feature"]).group_by("person", "feature")
                  .agg(excess=pl.max_horizontal(col("duration").cast(pl.Int64) - col("b"), pl.lit(0)).sum(),
                       steady=(col("k").first().cast(pl.Int64) * (col("m").first() - col("b").first()))))
        self.slow = excess.select("person", "feature", slow=pl.min_horizontal("excess", "steady")).collect()

    def benchmark(self) -> pl.DataFrame:
        self.ledger()
        self.times()
        adoption = (self.part.filter(col("expected") >= 10).group_by("feature")
                    .agg(adoption_benchmark=(col("adopted") / col("expected")).quantile(0.75, "lower"),
                         sorted=(col("adopted") / col("expected")).sort(), n=pl.len()).filter(col("n") >= 4)
                    .with_columns(adoption_benchmark=col("sorted").list.get((3 * col("n").cast(pl.Int64) + 3) // 4 - 1))
                    .select("feature", "adoption_benchmark"))
        used = self.used.filter(col("a") > 0).join(self.member, on="person", how="semi").select("feature")
        wanted = pl.concat([used, self.target.select("feature")]).unique()
        rows = self.best.join(wanted, on="feature", how="semi").join(adoption, on="feature", how="left")
        return self.named(rows.rename({"b": "benchmark_ms", "kind": "benchmark_kind"}))

    def face_time(self) -> pl.DataFrame:
        time = pl.max_horizontal(col("duration").cast(pl.Int64), pl.lit(0))
        failed = (col("kind") == 3) & (col("outcome") != 2)
        return self.of_members(self.events.filter(self.inside)).group_by("person", "app").agg(
            focus=time.filter(col("kind") == 0).sum(), other=time.filter(col("kind") != 0).sum(),
            failed=time.filter(failed).sum(), help=time.filter(col("kind") == 1).sum(),
            interruption=time.filter(col("kind") == 2).sum()).with_columns(face=pl.max_horizontal("focus", "other")).collect()

    def erosion(self) -> pl.DataFrame:
        self.times()
        times = self.face_time()
        person = (times.group_by("person").agg(y=col("face").sum(), x=(col("failed") + col("help") + col("interruption")).sum())
                  .join(self.slow.group_by("person").agg(col("slow").sum()), on="person", how="left")
                  .with_columns(x=col("x") + col("slow").fill_null(0)).filter((col("x") > 0) | (col("y") > 0)))
        n, x, y = person.height, int(person["x"].sum()), int(person["y"].sum())
        ratio = x / y
        squares = person.select((((x - col("x")) / (y - col("y")) - ratio) ** 2).sum()).item()
        n_eff = float(y) ** 2 / person.select((col("y").cast(pl.Float64) ** 2).sum()).item()
        nu, z = n_eff - 1, 1.959964
        reach = (z + (z**3 + z) / (4 * nu) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * nu**2)) * ((n - 1) / n * squares) ** 0.5
        measured = times.filter(col("focus") > col("other")).height
        timed = times.filter(col("face") > 0).height
        return pl.DataFrame([{
            "people": n, "face_ms": y, "lost_ms": x, "failed_ms": int(times["failed"].sum()),
            "slow_ms": int(self.slow["slow"].sum()), "help_ms": int(times["help"].sum()),
            "interruption_ms": int(times["interruption"].sum()), "erosion": ratio, "points": 100 * ratio,
            "unjudged": self.judged.filter(col("k") < 5).height,
            "face_time": "estimated" if measured == 0 else "measured" if measured == timed else "mixed",
            "low": None if n_eff < 10 else max(0.0, ratio - reach), "high": None if n_eff < 10 else min(1.0, ratio + reach)}])

    def bottlenecks(self) -> pl.DataFrame:
        self.times()
        face = int(self.face_time()["face"].sum())
        time = pl.max_horizontal(col("duration").cast(pl.Int64), pl.lit(0))
        failed = col("outcome") != 2
        attempt = (self.of_members(self.events.filter(self.inside & (col("kind") == 3)))
                   .join(self.best.lazy().select("feature", "b"), on="feature").group_by("person", "feature").agg(
                       attempts=pl.len(), failed=failed.sum(),
                       eroded=(failed | (col("duration") > 2 * col("b")).fill_null(False)).sum(),
                       failed_ms=time.filter(failed).sum(), used_ms=time.sum()))
        rows = (attempt.group_by("feature").agg(
                    col("attempts", "failed", "eroded").sum(), people=pl.len(),
                    people_affected=(5 * col("eroded") >= col("attempts")).sum(), failed_ms=col("failed_ms").sum(),
                    used_ms=col("used_ms").sum()).collect()
                .join(self.slow.group_by("feature").agg(col("slow").sum()), on="feature", how="left")
                .join(self.best.select("feature", benchmark_ms="b", benchmark_kind="kind"), on="feature")
                .with_columns(lost_ms=col("failed_ms") + col("slow").fill_null(0))
                .with_columns(frequency=col("eroded") / col("attempts"), reach=col("people_affected") / col("people"),
                              severity=when(col("used_ms") > 0, col("lost_ms") / col("used_ms"), None),
                              points=100 * col("lost_ms") / face)
                .with_columns(score=when(col("people") >= 10,
                                         100 * (col("frequency") * col("reach") * col("severity")).cbrt(), None))
                .drop("failed_ms", "used_ms", "slow"))
        return self.named(rows).sort(["lost_ms", "eroded", "app", "feature"], descending=[True, True, False, False])

    # -- Runs and sessions

    def strikeouts(self) -> pl.DataFrame:
        pair = ["person", "feature"]
        uses = self.of_members(self.events.filter(col("kind") == 3))
        failing = uses.filter(col("outcome") != 2).group_by(pair).agg(n=pl.len()).filter(col("n") >= 3).select(pair)
        step = (uses.join(failing, on=pair, how="semi").sort(*pair, *TIE)
                .select(*pair, "app", "time", failed=col("outcome") != 2,
                        stop=col("time") + pl.max_horizontal(col("duration"), pl.lit(0)))
                .with_columns(before=col("stop").shift(1).over(pair))
                .with_columns(begins=(col("time") > col("before") + EPISODE_BREAK).fill_null(True))
                .with_columns(run=(~col("failed") | col("begins")).cum_sum().over(pair),
                              goes_on=~col("begins").shift(-1).over(pair).fill_null(True)))
        strike = (step.filter("failed").group_by(*pair, "run", maintain_order=True)
                  .agg(col("app").first(), length=pl.len(), first=col("time").first(), last=col("stop").last(),
                       recovered=col("goes_on").last())
                  .filter((col("length") >= 3) & (col("first") >= self.window.start) & (col("first") < self.window.stop))
                  .with_row_index("strike").collect())
        ticket = self.table["ticket"].collect().rename({"app": "about", "time": "opened"})
        called = strike.join(ticket, on="person").filter(
            ((col("about") == -1) | (col("about") == col("app"))) & (col("opened") >= col("first"))
            & (col("opened") <= col("last") + DAY))["strike"]
        helps = self.events.filter(col("kind") == 1).select("person", "app", asked="time")
        helped = strike.lazy().join(helps, on=["person", "app"]).filter(
            (col("asked") >= col("first")) & (col("asked") <= col("last") + EPISODE_BREAK)).collect()["strike"]
        is_called, is_helped = col("strike").is_in(called.implode()), col("strike").is_in(helped.implode())
        lonely = ~col("recovered")
        return self.named(strike.group_by("feature").agg(
            strikeouts=pl.len(), people=col("person").n_unique(), recovered=col("recovered").sum(),
            called=(lonely & is_called).sum(), helped=(lonely & ~is_called & is_helped).sum(),
            silent=(lonely & ~is_called & ~is_helped).sum(), longest=col("length").max()))

    def flow(self) -> pl.DataFrame:
        events = self.of_members(self.events).with_columns(
            stop=col("time") + pl.max_horizontal(col("duration"), pl.lit(0)), session=col("session").cast(pl.Int64))
        kept = ["person", "session", "app", *TIE, "feature", "stop", "outcome", "kind"]
        named = events.filter((col("session") >= 0) & (col("kind") == 3)).select(kept)
        unnamed = (events.filter(col("session") < 0).sort("person", *TIE)
                   .with_columns(reached=col("stop").cum_max().shift(1).over("person"))
                   .with_columns(session=-1 - (col("time") > col("reached") + EPISODE_BREAK).fill_null(True)
                                 .cast(pl.Int64).cum_sum().over("person"))
                   .filter(col("kind") == 3).select(kept))
        group = ["person", "session", "app"]
        steps = (pl.concat([named, unnamed]).sort(*group, *TIE)
                 .with_columns(g=col("feature").shift(-1).over(group), next_time=col("time").shift(-1).over(group),
                               h=col("feature").shift(-2).over(group), failed=col("outcome") != 2)
                 .filter(col("g").is_not_null() & self.inside)
                 .with_columns(wait=pl.max_horizontal(pl.lit(0), col("next_time") - col("stop"))))
        same = col("feature") == col("g")
        count = pl.len().cast(pl.Int64)
        rows = steps.group_by("feature", "g").agg(
            count=pl.len(), people=col("person").n_unique(), wait_median_ms=median("wait").cast(pl.Int64),
            wait_p90_ms=col("wait").sort().get((9 * count + 9) // 10 - 1), wait_total_ms=col("wait").sum(),
            retry=(same & col("failed")).sum(), repeat=(same & ~col("failed")).sum(),
            bounce=(~same & (col("h") == col("feature")).fill_null(False)).sum()).collect()
        to = self.features.select("number", to_feature="feature")
        rows = self.named(rows.join(to, left_on="g", right_on="number").drop("g")).rename({"feature": "from_feature"})
        return rows.sort(["count", "app", "from_feature", "to_feature"], descending=[True, False, False, False])


def respond(directory: Path, report: str, window: Window) -> list[dict[str, Any]]:
    answers = Answers(directory, window)
    if report.startswith("coverage"):
        return answers.coverage(["department", "feature"] if report != "coverage" else []).to_dicts()
    return getattr(answers, report)().to_dicts()


if __name__ == "__main__":
    answer.run(prepare, respond)
