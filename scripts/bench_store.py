#!/usr/bin/env python3
"""The store beside plain SQLite rows, Debian's InfluxDB 1.6 and VictoriaMetrics, on the same data in one run.

The data: a year of one power series at 10 s (0.1 W steps), the last day of 40 more at 10 s, and two days of 10 series at 1 s for bytes and speed.
The two servers are measured where they are installed (apt-get install influxdb victoria-metrics); they run on free loopback ports with a
folder of their own and are ended afterwards. They answer over HTTP, as they would in a home; the other two are asked in-process.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from servers import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOW_MS, DAY_MS = 1_795_255_200_000, 86_400_000
YEAR_MS = 365 * DAY_MS
ROWS = {  # key: what it is
    "write_per_s": "readings/s written, batches of 10,000",
    "write_bulk_1s_per_s": "readings/s written, a day at a time",
    "bytes_a_reading_1s": "bytes a reading, 1 s, steps of 0.1 W",
    "bytes_a_reading_1s_1w": "bytes a reading, 1 s, steps of 1 W",
    "bytes_a_reading_1s_jitter": "bytes a reading, 1 s +- 10 ms, 0.1 W",
    "year_chart_ms": "a year at 10 s as 2,000 points, ms",
    "year_chart_cold_ms": "  the same, file not in memory, ms",
    "month_chart_ms": "a month at 10 s as 2,000 points, ms",
    "day_chart_ms": "a day at 10 s as 2,000 points, ms",
    "last_day_of_40_ms": "last 24 h of 40 series, every reading, ms",
    "latest_ms": "newest reading of 41 series, ms",
    "year_scan_readings_per_s": "readings/s read, a year raw",
}
TARGETS = {"write_per_s": ">= 500,000", "bytes_a_reading_1s": "<= 3", "year_chart_ms": "<= 20"}


def ask(url, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=120) as answer:
        return answer.read()


def folder_bytes(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def started(command, url, folder):
    """Starts a server and waits until it answers; the process."""
    log = open(folder / "log.txt", "wb")
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    for _ in range(150):
        try:
            ask(url)
            return server
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.2)
    end(server)
    raise RuntimeError(f"{command[0]} does not answer: {(folder / 'log.txt').read_text(errors='replace')[-400:]}")


def end(server):
    server.terminate()
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def post_lines(path, url):
    """Posts line protocol in batches of 10,000; lines and seconds."""
    count, seconds, batch = 0, 0.0, []

    def send():
        nonlocal seconds
        begun = time.monotonic()
        ask(url, b"".join(batch))
        seconds += time.monotonic() - begun

    with open(path, "rb") as lines:
        for line in lines:
            batch.append(line)
            count += 1
            if len(batch) == 10_000:
                send()
                batch = []
    if batch:
        send()
    return count, seconds


def median_ms(question, times=7):
    took = []
    for _ in range(times):
        begun = time.monotonic()
        question()
        took.append((time.monotonic() - begun) * 1000)
    return statistics.median(took)


def influxdb(lines, folder):
    port, rpc = free_port(), free_port()
    config = folder / "influxdb.conf"
    config.write_text(f'''reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "1s"
  compact-full-write-cold-duration = "5s"
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
''')
    base = f"http://127.0.0.1:{port}"
    command = [shutil.which("influxd"), "-config", str(config)]
    query = lambda q, db="bench": ask(f"{base}/query?" + urllib.parse.urlencode({"db": db, "q": q, "epoch": "ms"}), b"")
    server = started(command, f"{base}/ping", folder)
    told = {}
    try:
        for db, file in (("bench", "year.lines"), ("at1s", "1s.lines")):
            query(f"CREATE DATABASE {db}")
            count, seconds = post_lines(lines / file, f"{base}/write?db={db}&precision=ms")
            if db == "at1s":
                told["write_per_s"] = count / seconds
        # As small as it gets in time: what is cold goes from the log to files, and is compacted.
        for _ in range(40):
            before = folder_bytes(folder / "data/at1s"), folder_bytes(folder / "wal/at1s")
            time.sleep(3)
            if before == (folder_bytes(folder / "data/at1s"), folder_bytes(folder / "wal/at1s")) and before[1] < before[0]:
                break
        told["bytes_a_reading_1s"] = (folder_bytes(folder / "data/at1s") + folder_bytes(folder / "wal/at1s")) / count

        def chart(span):
            q = f"SELECT min(w), mean(w), max(w) FROM power WHERE s = 's1' AND time >= {NOW_MS - span}ms AND time < {NOW_MS}ms GROUP BY time({span // 2000}ms)"
            points = json.loads(query(q))["results"][0]["series"][0]["values"]
            assert len(points) >= 2000, len(points)

        for name, span in (("year", YEAR_MS), ("month", 30 * DAY_MS), ("day", DAY_MS)):
            told[f"{name}_chart_ms"] = median_ms(lambda: chart(span), 3 if name == "year" else 7)

        def day():
            answer = json.loads(query(f"SELECT w FROM power WHERE s != 's1' AND time >= {NOW_MS - DAY_MS}ms AND time < {NOW_MS}ms GROUP BY s"))
            assert sum(len(s["values"]) for s in answer["results"][0]["series"]) == 40 * 8640

        told["last_day_of_40_ms"] = median_ms(day)
    finally:
        end(server)
    return told


def victoria_metrics(lines, folder):
    port = free_port()
    base = f"http://127.0.0.1:{port}"

    def start(data):
        # What was written long ago is not dropped, and a question may look at many points.
        return started([shutil.which("victoria-metrics"), f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}/{data}",
                        "-retentionPeriod=100y", "-search.disableCache", "-search.maxPointsPerTimeseries=100000"], f"{base}/health", folder)

    told = {}
    server = start("at1s")
    try:
        count, seconds = post_lines(lines / "1s.lines", f"{base}/write?precision=ms")
        told["write_per_s"] = count / seconds
        ask(f"{base}/internal/force_flush")
        ask(f"{base}/internal/force_merge")
        time.sleep(5)
    finally:
        end(server)
    told["bytes_a_reading_1s"] = folder_bytes(folder / "at1s") / count
    server = start("year")
    try:
        post_lines(lines / "year.lines", f"{base}/write?precision=ms")
        ask(f"{base}/internal/force_flush")

        def chart(span):
            step = span // 2000
            points = set()
            for of in ("min", "avg", "max"):
                parts = {"query": f'{of}_over_time(power_w{{s="s1"}}[{step}ms])', "start": (NOW_MS - span) / 1000, "end": NOW_MS / 1000, "step": f"{step}ms"}
                answer = json.loads(ask(f"{base}/api/v1/query_range?" + urllib.parse.urlencode(parts)))
                points.add(len(answer["data"]["result"][0]["values"]))
            assert min(points) >= 2000, points

        for name, span in (("year", YEAR_MS), ("month", 30 * DAY_MS), ("day", DAY_MS)):
            told[f"{name}_chart_ms"] = median_ms(lambda: chart(span), 3 if name == "year" else 7)

        def day():
            parts = {"match[]": 'power_w{s!="s1"}', "start": (NOW_MS - DAY_MS) / 1000, "end": (NOW_MS - 1) / 1000}
            answer = ask(f"{base}/api/v1/export?" + urllib.parse.urlencode(parts))
            assert sum(len(json.loads(line)["values"]) for line in answer.splitlines()) == 40 * 8640

        told["last_day_of_40_ms"] = median_ms(day)
    finally:
        end(server)
    return told


def recordings(source, folder):
    """Real recordings as pairs of instant and watts, where they and pyarrow are there."""
    files = sorted(source.glob("*.parquet")) if source.is_dir() else []
    if not files:
        print(f"SKIPPED: no real recordings in {source}", file=sys.stderr)
        return []
    import venv
    convert = (
        "import sys, numpy, pyarrow.parquet as pq\n"
        "for path, out in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    if 'mains_w' not in pq.read_schema(path).names: continue\n"
        "    t = pq.read_table(path, columns=['ts', 'mains_w']).to_pandas().dropna()\n"
        "    rows = numpy.empty(len(t), dtype=[('at', '<i8'), ('w', '<f8')])\n"
        "    rows['at'], rows['w'] = t['ts'], t['mains_w']\n"
        "    rows.tofile(out)\n")
    pairs = [(str(f), str(folder / f"{f.stem}.bin")) for f in files]
    subprocess.run([venv.python(), "-c", convert, *(p for pair in pairs for p in pair)], check=True)
    return [out for _, out in pairs if os.path.exists(out)]


def shown(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", help="the built example (default: built now)")
    parser.add_argument("--alone", action="store_true", help="without the servers")
    parser.add_argument("--recordings", type=pathlib.Path, default=ROOT.parent / "shared/data/power", help="folder of Parquet files")
    args = parser.parse_args()
    bench = args.bench
    if not bench:
        # The example alone: what it needs is compiled apart from the workspace.
        target = ROOT / "target/bench-store"
        subprocess.run(["cargo", "build", "--profile", "ci", "-p", "wattribute-store", "--example", "bench"], cwd=ROOT, check=True,
                       env={**os.environ, "CARGO_TARGET_DIR": str(target)})
        bench = target / "ci/examples/bench"
    results = {}
    with tempfile.TemporaryDirectory(prefix="bench-store-") as folder:
        folder = pathlib.Path(folder)
        (folder / "recordings").mkdir()
        real = recordings(args.recordings, folder / "recordings")
        answer = json.loads(subprocess.run([bench, folder / "ours", *real], check=True, capture_output=True, text=True).stdout)
        results["Wattribute"], results["plain SQLite rows"] = answer["wattribute"], answer["plain SQLite"]
        results["Wattribute"]["write_per_s"] = results["Wattribute"].pop("write_recent_per_s")
        if not args.alone:
            subprocess.run([bench, "--lines", folder / "lines"], check=True)
            for name, program, measure in (("InfluxDB", "influxd", influxdb), ("VictoriaMetrics", "victoria-metrics", victoria_metrics)):
                if not shutil.which(program):
                    print(f"SKIPPED: {program} is not installed (apt-get install influxdb victoria-metrics)", file=sys.stderr)
                    continue
                (folder / program).mkdir()
                try:
                    results[name] = measure(folder / "lines", folder / program)
                except (OSError, RuntimeError, AssertionError, KeyError, IndexError) as problem:
                    print(f"{name} failed: {problem!r}", file=sys.stderr)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end\n")
    print("| | " + " | ".join(results) + " | target |\n| --- |" + " --: |" * (len(results) + 1))
    for key, what in ROWS.items():
        print(f"| {what} | " + " | ".join(shown(r.get(key)) for r in results.values()) + f" | {TARGETS.get(key, '')} |")
    for name, told in answer["recordings"].items():
        print(f"\n{name}: {told['readings']:,} readings, {told['bytes_a_reading']:.2f} bytes each", end="")
    print()


if __name__ == "__main__":
    main()
