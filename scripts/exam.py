#!/usr/bin/env python3
"""Sits the attribution exam: builds homes with known truth, lets `wattribute analyze` answer them, and prints one table.

Homes come from ../shared/exam/exam.py (SHARED names another folder) and are kept in target/exam. WATTRIBUTE_BIN names another binary,
WATTRIBUTE_PYTHON another Python that has scripts/requirements.txt. A figure that misses its target is marked with `!`.

    scripts/exam.py --homes small                     # some 24 homes over all classes, for quick turns
    scripts/exam.py --homes full --markdown FILE      # every background, three seeds, every stress: an hour or two
    scripts/exam.py --only '*onchange*' --per-home --worst 20
"""
import argparse
import concurrent.futures
import datetime
import fnmatch
import functools
import hashlib
import json
import math
import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

import measured
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = pathlib.Path(os.environ.get("SHARED") or ROOT.parent / "shared").resolve()
EXAM = SHARED / "exam" / "exam.py"
BIN = os.environ.get("WATTRIBUTE_BIN") or str(ROOT / "target/ci/wattribute")
HOMES = ROOT / "target/exam"
SMOKE = "ukdale_house1_2013feb_6s"  # seven hours: answered, but too short to be judged
TIME_LIMIT_S = 600
STEADY = ("constant", "dimmer", "mode")
BANDS = {"ge100": (100, 1e9), "20to100": (20, 100), "lt20": (0, 20)}

# DESIGN.md section 7. Per band: median %, 90th percentile %, share told. None: no number is asked.
TARGETS = {
    "<= 10 s": dict(ge100=(0.5, 1.5, 1.0), mid=(1.5, 5, 0.9), low=(6, 20, 0.5), energy=93, own=80),
    "lossy": dict(ge100=(1, 3, None), mid=(3, 10, None), low=(25, None, None), energy=88, own=None),
    "onchange": dict(ge100=(1, 3, None), mid=(3, 10, None), low=(25, None, None), energy=88, own=None),
    "60 s": dict(ge100=(1.5, 6, 0.75), mid=(5, 15, None), low=(25, None, None), energy=94, own=65),
    "60 s hard": dict(ge100=(1.5, 6, 0.75), mid=(5, 15, None), low=(25, None, None), energy=88, own=None),  # lossy or onchange as well
}
BAND_KEYS = dict(zip(BANDS, ("ge100", "mid", "low")))

REDD, APR, REFIT, UKD2, IDEAL = "redd_house3_3s", "ukdale_house1_2013apr_6s", "refit_house2_2014_1min", "ukdale_house2_2013_1min", "ideal_house65_1min"
# background, --period, --stress ("own" = --own), in the CI's ten; seeds go round.
SMALL = [
    (REDD, 0, "", True), (APR, 0, "", False), (REDD, 10, "", False), (APR, 10, "", True),
    (REDD, 0, "pv,gaps", False), (APR, 0, "pv,gaps", True), (REDD, 10, "pv,gaps", False),
    (REDD, 0, "modes", True), (APR, 0, "modes", False), (APR, 10, "modes", False),
    (REDD, 0, "own", True), (REDD, 10, "own", False),
    (REDD, 0, "lossy", False), (APR, 0, "lossy", True), (REDD, 10, "lossy", False),
    (REDD, 0, "onchange", True), (APR, 0, "onchange", False), (REDD, 10, "onchange", False),
    (REDD, 60, "", True), (APR, 60, "", False), (REFIT, 0, "", True), (IDEAL, 0, "", False),
    (UKD2, 0, "pv,gaps", False), (REFIT, 0, "modes", False), (UKD2, 0, "own", True), (REFIT, 0, "own", False),
    (REFIT, 0, "lossy", False), (APR, 60, "onchange", False),
]


class Home(NamedTuple):
    """One exam home: where it comes from and what makes it hard."""

    background: str
    seed: int
    period: int
    stress: str
    days: int

    @property
    def name(self):
        parts = [self.background, f"s{self.seed}", self.period and f"p{self.period}", self.stress.replace(",", "+"), self.days and f"d{self.days}"]
        return "-".join(p for p in parts if p)

    @property
    def folder(self):
        return HOMES / self.name

    def arguments(self):
        stress = [s for s in self.stress.split(",") if s and s != "own"]
        out = ["--background", SHARED / "data/power" / f"{self.background}.parquet", "--seed", self.seed, "--period", self.period, "--days", self.days]
        return [str(x) for x in out + ["--stress", ",".join(stress)] + (["--own"] if "own" in self.stress.split(",") else [])]


# ---------------------------------------------------------------------------------------------------------------- which homes


def backgrounds(python):
    """Every recording with mains: its usual interval in s and whether it has usable appliances of its own."""
    code = """if True:
        import glob, json, os, sys
        sys.path.insert(0, os.path.dirname(sys.argv[1]))
        import exam, polars as pl
        out = {}
        for p in sorted(glob.glob(sys.argv[2] + "/*.parquet")):
            if "mains_w" in pl.read_parquet_schema(p):
                step = pl.scan_parquet(p).filter(pl.col("mains_w").is_not_null()).select(pl.col("ts").diff().median()).collect().item()
                out[os.path.basename(p)[:-8]] = (step / 1000, any(True for _ in exam.own_appliances(p)))
        print(json.dumps(out))"""
    return json.loads(subprocess.run([python, "-c", code, EXAM, SHARED / "data/power"], check=True, capture_output=True, text=True).stdout)


def choose(which, seeds, found):
    if which != "full":
        rows = [(b, p, s, ci, k) for k, (b, p, s, ci) in enumerate(SMALL) if b in found]
        return [Home(b, seeds[k % len(seeds)], p, s, 60 if found[b][0] >= 30 else 0) for b, p, s, ci, k in rows if ci or which == "small"]
    out = [Home(SMOKE, seeds[0], 0, "", 0)] if SMOKE in found else []
    for b, (interval, own) in found.items():
        if b != SMOKE:
            periods = [0] + [p for p in (10, 60) if p > 1.5 * interval]
            stresses = ["", "pv,gaps", "modes", "lossy", "onchange"] + (["own"] if own else [])
            out += [Home(b, seed, p, s, 0) for p in periods for s in stresses for seed in seeds]
    return out


# --------------------------------------------------------------------------------------------------------- make, answer, score


def make(home, python):
    """Builds the home unless it stands already, built by this very exam.py."""
    made_by = home.folder / "made_by.txt"
    wanted = hashlib.sha256(EXAM.read_bytes()).hexdigest() + " " + home.name
    if (home.folder / "truth.json").exists() and made_by.exists() and made_by.read_text() == wanted:
        return
    home.folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([python, EXAM, "make", "--out", home.folder, *home.arguments()], check=True, capture_output=True, text=True)
    (home.folder / "history.csv").unlink()  # the same rows again, several times the size
    (home.folder / "naive.json").write_bytes(subprocess.run([python, EXAM, "naive", "--home", home.folder], check=True, capture_output=True).stdout)
    made_by.write_text(wanted)


def answer(home):
    path = home.folder / "answer.json"
    return measured.run([BIN, "analyze", home.folder / "history.parquet", "--json"], path, home.folder / "stderr.txt", TIME_LIMIT_S)


def marks(home, file):
    """What the exam's own `score` looks at, kept a device at a time so that homes can be pooled."""
    truth = json.loads((home.folder / "truth.json").read_text())
    answers = {d["entity_id"]: d for d in json.loads((home.folder / file).read_text())["devices"]}
    dev, get = truth["devices"], lambda e, k: (answers.get(e) or {}).get(k)
    m = dict(bands={b: [] for b in BANDS}, appliances=[], rows=[], own=None, false_groups=[])
    for e, t in dev.items():
        if t["kind"] in STEADY:
            band = next(b for b, (lo, hi) in BANDS.items() if lo <= t["power_w"] < hi)
            p, low, high = (get(e, k) for k in ("power_w", "power_low_w", "power_high_w"))
            error = None if p is None else abs(p - t["power_w"]) / t["power_w"]
            inside = None if low is None or high is None else low <= t["power_w"] <= high
            width = None if inside is None else (high - low) / t["power_w"]
            m["bands"][band].append((error, inside, width))
    m["ghosts"] = [(e, get(e, "power_w") or 0) for e, t in dev.items() if t["kind"] == "ghost"]
    group = next(t["group"] for t in dev.values() if t["kind"] == "group")
    m["flagged"] = all(set(get(e, "grouped_with") or []) == set(group) - {e} for e in group)
    told = lambda k: (get(group[0], k) if m["flagged"] else sum(get(e, k) or 0 for e in group)) or 0.0
    m["group_error"] = abs(told("power_w") - dev[group[0]]["power_w"]) / dev[group[0]]["power_w"]
    m["false_groups"] = [e for e in dev if e not in group and get(e, "grouped_with")]
    energy = wrong = own = own_wrong = 0.0
    for e, t in dev.items():
        if e == group[1]:
            continue
        got = told("energy_kwh") if e == group[0] else get(e, "energy_kwh") or 0.0
        off = abs(got - t["energy_kwh"])
        m["rows"].append((off, e, t, answers.get(e) or {}, got))
        if t["kind"] == "own":
            own, own_wrong = own + t["energy_kwh"], own_wrong + off
            continue
        energy, wrong = energy + t["energy_kwh"], wrong + off
        if t["kind"] == "appliance":
            m["appliances"].append(off / t["energy_kwh"])
    m.update(energy_kwh=energy, energy_right=1 - wrong / energy, own=1 - own_wrong / own if own else None)
    m["interval_s"] = truth["median_interval_s"]
    return m


def sit(home, python):
    """Everything about one home: made, answered, scored."""
    try:
        make(home, python)
    except subprocess.CalledProcessError as e:
        return dict(home=home, problem=f"exam.py: {e.stderr.strip().splitlines()[-1]}")
    out = dict(home=home, **answer(home)._asdict(), naive=marks(home, "naive.json"))
    if not out["problem"]:
        args = [python, EXAM, "score", "--home", home.folder, "--answer", home.folder / "answer.json"]
        scored = subprocess.run(args, capture_output=True, text=True)
        (home.folder / "score.json").write_text(scored.stdout)
        if scored.returncode:
            out["problem"] = f"score: {scored.stderr.strip().splitlines()[-1]}"
        else:
            out.update(marks=marks(home, "answer.json"), score=json.loads(scored.stdout))
            agree(out)
    print("." if not out["problem"] else "x", end="", file=sys.stderr, flush=True)
    return out


def agree(r):
    """Our formulas and the exam's must say the same."""
    ours, theirs = r["marks"], r["score"]
    pairs = [(100 * ours["energy_right"], theirs["energy_right_pct"]), (100 * ours["group_error"], theirs["always_together"]["sum_error_pct"])]
    pairs += [(100 * median(e for e, *_ in ours["bands"][b]), theirs[f"power_{b}"]["median_pct"]) for b in BANDS if theirs[f"power_{b}"]["told"]]
    if any(abs(a - b) > 0.06 for a, b in pairs):
        r["problem"] = f"this script's figures differ from exam.py score: {pairs}"


# --------------------------------------------------------------------------------------------------------------------- pooling


def quantile(values, q):
    """As numpy's default: linear between the neighbours. NaN when there is nothing; None is left out."""
    v = sorted(x for x in values if x is not None)
    if not v:
        return math.nan
    at = q * (len(v) - 1)
    lo = math.floor(at)
    return v[lo] + (v[min(lo + 1, len(v) - 1)] - v[lo]) * (at - lo)


median = functools.partial(quantile, q=0.5)


def class_of(home, interval_s):
    if home.background == SMOKE:
        return None
    hard = next((c for c in ("lossy", "onchange") if c in home.stress.split(",")), None)
    if interval_s > 30:
        return "60 s hard" if hard else "60 s"
    return hard or "<= 10 s"


class Cell(NamedTuple):
    """A figure of the table, and whether it reaches its target (None: nothing is asked)."""

    text: str
    good: bool | None = None

    def __str__(self):
        return self.text + ("!" if self.good is False else "")


def pct(x, digits=1):
    return "-" if x is None or math.isnan(x) else f"{100 * x:.{digits}f}"


def at_most(x, target, scale=100):
    return None if target is None or math.isnan(x) else scale * x <= target + 1e-9


def pooled(homes, target, of=None):
    """One row of the table: the figures of these homes' marks taken together, judged by `target` when there is one; `of` homes were asked."""
    t, ratios = target or {}, []
    row = [Cell(str(len(homes)) if of in (None, len(homes)) else f"{len(homes)}/{of}", of in (None, len(homes)))]
    for band, key in BAND_KEYS.items():
        found = [x for m in homes for x in m["bands"][band]]
        errors = [e for e, *_ in found if e is not None]
        want = t.get(key, (None, None, None))
        for q, w, digits in ((0.5, want[0], 2), (0.9, want[1], 1)):
            row.append(Cell(pct(quantile(errors, q), digits), at_most(quantile(errors, q), w)))
        share = len(errors) / len(found) if found else math.nan
        row.append(Cell(f"{len(errors)}/{len(found)}", None if want[2] is None or not found else share >= want[2]))
        widths = [w for _, _, w in found if w is not None]
        ratios.append(median(widths) / median(errors) if widths and errors and median(errors) else math.nan)
    ghosts = [abs(w) > 2 for m in homes for _, w in m["ghosts"]]
    row.append(Cell(f"{sum(ghosts)}/{len(ghosts)}", sum(ghosts) == 0 if t else None))
    flagged, false = sum(m["flagged"] for m in homes), sum(len(m["false_groups"]) for m in homes)
    row.append(Cell(f"{flagged}/{len(homes)}", flagged == len(homes) if t else None))
    row.append(Cell(str(false), false == 0 if t else None))
    sums = [m["group_error"] for m in homes]
    row.append(Cell(f"{pct(median(sums))} {pct(max(sums, default=math.nan))}", max(sums, default=0) <= 0.02 if t else None))
    inside = [i for m in homes for b in BANDS for _, i, _ in m["bands"][b] if i is not None]
    share = sum(inside) / len(inside) if inside else math.nan
    row.append(Cell(pct(share), 0.85 <= share <= 0.97 if t and inside else None))
    row.append(Cell(" ".join("-" if math.isnan(r) else f"{r:.1f}" for r in ratios), all(not r > 6 for r in ratios) if t and inside else None))
    energy = [m["energy_right"] for m in homes]
    mean = sum(energy) / len(energy) if energy else math.nan
    row.append(Cell(f"{pct(mean)} {pct(min(energy, default=math.nan))}", 100 * mean >= t["energy"] if t and energy else None))
    off = median([a for m in homes for a in m["appliances"]])
    row.append(Cell(pct(off), at_most(off, 10 if t else None)))
    own = [m["own"] for m in homes if m["own"] is not None]
    mean = sum(own) / len(own) if own else math.nan
    row.append(Cell(pct(mean), None if not own or t.get("own") is None else 100 * mean >= t["own"]))
    return row


HEAD = ["homes", ">=100W", "p90", "told", "20-100W", "p90", "told", "<20W", "p90", "told", "ghosts>2W", "groups", "false",
        "sum err, max", "inside", "width/err", "energy, min", "appl.", "own", "s, max"]
NOTE = """60 s hard: lossy or onchange at 60 s. homes: answered, of those asked where some failed. Errors in % of the true value: median and 90th
percentile over all devices of a class together; told: devices answered, of those there. sum err: of the group's power, median and worst home.
inside: true powers inside their 90 % interval. width/err: median width of the intervals over the median error, a band each. energy: share at
the right device, mean and worst home. appl.: median error of appliances' energy. own: share of the recording's own appliances' energy.
s: seconds that analyze took, median and worst. A missed target is marked `!`."""


def target_row(t):
    bands = [x for k in ("ge100", "mid", "low") for x in ("" if t[k][0] is None else f"{t[k][0]:g}", "" if t[k][1] is None else f"{t[k][1]:g}", "" if t[k][2] is None else f"{100 * t[k][2]:g} %")]
    return ["", *bands, "0", "all", "0", "2", "85-97", "<= 6", f"{t['energy']}", "10", "" if t["own"] is None else str(t["own"]), ""]


def table(results):
    """Rows of strings: each class with its parts, its target and the naive answer to the same homes."""
    rows = []
    spent = lambda rs: f"{median(r['seconds'] for r in rs):.1f} {max(r['seconds'] for r in rs):.1f}"
    for name, target in TARGETS.items():
        asked = [r for r in results if "naive" in r and class_of(r["home"], r["naive"]["interval_s"]) == name]
        mine = [r for r in asked if "marks" in r]
        if not mine:
            continue
        rows.append([name, *map(str, pooled([r["marks"] for r in mine], target, len(asked))), spent(mine)])
        rows.append(["  target", *target_row(target)])
        rows.append(["  naive", *map(str, pooled([r["naive"] for r in asked], None)), ""])
        parts = sorted({r["home"].stress for r in mine})
        for part in parts if len(parts) > 1 else []:
            some = [r for r in mine if r["home"].stress == part]
            rows.append([f"  of it {part or 'plain'}", *map(str, pooled([r["marks"] for r in some], None)), spent(some)])
    return rows


def aligned(rows):
    rows = [["class", *HEAD]] + rows
    widths = [max(len(r[k]) for r in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(r, widths))).rstrip() for r in rows)


def markdown(rows):
    head = ["class", *HEAD]
    bold = lambda r: r if r[0].startswith("  ") else [f"**{c}**" if c else "" for c in r]
    lines = [head, ["---"] + ["--:"] * (len(head) - 1)] + [bold(r) for r in rows]
    return "\n".join("| " + " | ".join(c.strip().replace("<", "&lt;").replace(">", "&gt;") for c in r) + " |" for r in lines)


# ------------------------------------------------------------------------------------------------------------ reading a result


def per_home(results):
    for r in sorted(results, key=lambda r: r["home"].name):
        if r["problem"]:
            print(f"{r['home'].name}: FAILED, {r['problem']}")
            continue
        s = r["score"]
        band = lambda b: f"{s['power_' + b]['told']}/{s['power_' + b]['devices']} {s['power_' + b]['median_pct']}/{s['power_' + b]['p90_pct']}"
        own = f" own {s['own_energy_right_pct']}" if "own_energy_right_pct" in s else ""
        print(f"{r['home'].name}: >=100 {band('ge100')} | 20-100 {band('20to100')} | <20 {band('lt20')} | inside {s['intervals']['inside']}/{s['intervals']['given']}"
              f" | ghosts {s['ghosts_over_2w']} | group {'yes' if s['always_together']['flagged'] else 'NO'} {s['always_together']['sum_error_pct']} %"
              f" false {s['always_together']['false_groups']} | energy {s['energy_right_pct']} appl. {s['appliance_energy_error_median_pct']}{own}"
              f" | {r['seconds']:.1f} s {r['peak_mb']:.0f} MB (naive energy {100 * r['naive']['energy_right']:.0f})")


def worst(results, n):
    """The devices that cost most: by energy as a share of their home's, and by relative power."""
    number = lambda x, digits=1: "-" if x is None else f"{x:.{digits}f}"
    rows = [(off / r["marks"]["energy_kwh"], r["home"].name, *rest) for r in results if r.get("marks") for off, *rest in r["marks"]["rows"]]
    print(f"\nenergy: the worst {n} of {len(rows)} devices (share of the home's added energy)")
    for share, home, e, t, a, got in sorted(rows, key=lambda r: -r[0])[:n]:
        kind = t.get("trace") or t.get("name") or t["kind"]
        print(f"  {100 * share:5.2f} %  {home}  {e}  {kind}: {t['energy_kwh']:.3f} kWh, told {got:.3f}; {number(t['power_w'])} W, told {number(a.get('power_w'))}; {a.get('verdict', '')}")
    steady = [(abs(a["power_w"] - t["power_w"]) / t["power_w"], home, e, t, a) for _, home, e, t, a, _ in rows if t["kind"] in STEADY and a.get("power_w") is not None]
    print(f"power: the worst {n} of {len(steady)} told")
    for error, home, e, t, a in sorted(steady, key=lambda r: -r[0])[:n]:
        span = f"{number(a.get('power_low_w'), 2)} to {number(a.get('power_high_w'), 2)}"
        used = f"{a.get('events_used', '?')}/{a.get('events_total', '?')} events"
        print(f"  {100 * error:6.2f} %  {home}  {e}  {t['kind']}: {t['power_w']:.2f} W, told {a['power_w']:.2f} ({span}), {used}; {a.get('verdict', '')}")


def missed_floors(results):
    """What may never happen: a home that fails, a ghost given power, a group missed or invented."""
    out = []
    for r in results:
        name, m = r["home"].name, r.get("marks")
        if r["problem"]:
            out.append(f"{name}: failed, {r['problem']}")
        if m and r["home"].background != SMOKE:
            out += [f"{name}: ghost {e} given {w:.1f} W" for e, w in m["ghosts"] if abs(w) > 2]
            out += [f"{name}: the true group was not flagged"] if not m["flagged"] else []
            out += [f"{name}: {e} is in a group that is none" for e in m["false_groups"]]
    return out


def seeds(text):
    lo, _, hi = text.partition("-")
    return list(range(int(lo), int(hi) + 1)) if hi else [int(x) for x in text.split(",")]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--homes", choices=["small", "ci", "full"], default="small")
    p.add_argument("--only", metavar="GLOB", help="only homes whose name matches")
    p.add_argument("--seeds", type=seeds, default=[1, 2, 3], help="1-3 or 4,7,9")
    p.add_argument("--jobs", type=int, default=2, help="homes at a time")
    p.add_argument("--list", action="store_true", help="name the homes and stop")
    p.add_argument("--make-only", action="store_true", help="build the homes and stop")
    p.add_argument("--per-home", action="store_true", help="a line for each home")
    p.add_argument("--worst", type=int, default=0, metavar="N", help="the N worst devices")
    p.add_argument("--markdown", metavar="FILE", help="write the table there, dated")
    p.add_argument("--gate", action="store_true", help="exit 1 when a home fails or a floor (ghosts, groups) is missed")
    a = p.parse_args()
    if not EXAM.exists():
        sys.exit(f"no exam at {EXAM}: set SHARED to the folder that has exam/ and data/")
    python = venv.python()
    homes = [h for h in choose(a.homes, a.seeds, backgrounds(python)) if not a.only or fnmatch.fnmatch(h.name, a.only)]
    if a.list:
        return print("\n".join(h.name for h in homes))
    if not homes:
        sys.exit("no home matches")
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        if a.make_only:
            return list(pool.map(lambda h: (make(h, python), print(h.folder)), homes))
        results = list(pool.map(lambda h: sit(h, python), homes))
    print(file=sys.stderr)
    if a.per_home:
        per_home(results)
    rows, floors = table(results), missed_floors(results)
    print(aligned(rows), NOTE, sep="\n\n")
    if a.worst:
        worst(results, a.worst)
    if floors:
        print("\nmissed floors:", *floors, sep="\n  ")
    if a.markdown:
        answered = sum(not r["problem"] for r in results)
        facts = f"{datetime.date.today()}, `scripts/exam.py --homes {a.homes}`, seeds {','.join(map(str, a.seeds))}: {answered} of {len(homes)} homes answered."
        body = ["# The attribution exam", facts, markdown(rows), NOTE.replace("\n", " ").replace("<", "&lt;").replace(">", "&gt;")]
        body += ["Missed floors:", "\n".join(f"- {f}" for f in floors)] if floors else []
        pathlib.Path(a.markdown).write_text("\n\n".join(body) + "\n")
    sys.exit(1 if a.gate and floors else 0)


if __name__ == "__main__":
    main()
