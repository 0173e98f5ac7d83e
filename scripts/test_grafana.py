#!/usr/bin/env python3
"""Every query of the Grafana dashboards, run against a real Carbon with graphite-web (PyPI), a real InfluxDB (Debian's influxd, 1.6) and a real
Prometheus (Debian's), filled with made-up days in the names that Wattribute exports, and with what the
binary exports of a home. That each query returns something is told by contrib/grafana/check.py.

    scripts/test_grafana.py [graphite] [exported] [influxdb] [prometheus]        default: all

TEST_INFLUX_URL, _TOKEN and _BUCKET name another InfluxDB, to which the made-up days are written: an empty one.
"""

import collections
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import grafana_days
import grafana_home
import servers
from grafana_expect import expect
from servers import answers, free_port

HERE = pathlib.Path(__file__).resolve().parent.parent
CHECK = HERE / "contrib" / "grafana" / "check.py"
# As scripts/graphite-venv.sh has them, with which the folder is shared.
PACKAGES = ["carbon==1.1.10", "graphite-web==1.1.10", "whisper==1.1.10", "setuptools<80"]
# Where contrib/graphite is not there.
CONF = {
    "storage-schemas.conf": "[all]\npattern = .*\nretentions = 10s:7d,1m:30d,10m:1y\n",
    "storage-aggregation.conf": "[counters]\npattern = \\.energy_kwh_\nxFilesFactor = 0\naggregationMethod = last\n[all]\npattern = .*\nxFilesFactor = 0\naggregationMethod = average\n",
}


def check(days, *arguments):
    subprocess.run([sys.executable, CHECK, "--to", str(days.end), *arguments], check=True)


def made_up():
    """Days that ended half an hour ago, so that an exporter that is dead can be looked at too; no day is young."""
    end = (int(time.time()) - 1800) // grafana_days.STEP * grafana_days.STEP
    midnight = end // grafana_days.DAY * grafana_days.DAY
    return grafana_days.Days(end if end - midnight > grafana_days.HOUR else midnight - grafana_days.STEP)


def venv():
    """An interpreter with Graphite, in the user's cache; None where it cannot be had."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "wattribute" / "graphite"
    ready, wanted = cache / "installed.txt", " ".join(PACKAGES)
    if not ready.exists() or ready.read_text() != wanted:
        shutil.rmtree(cache, ignore_errors=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", cache], check=True)
            subprocess.run([cache / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"SKIPPED: Graphite cannot be installed: {error}")
            return None
        ready.write_text(wanted)
    return cache


def graphite_servers(work, running):
    """A Carbon with graphite-web: its address, and the port for lines; None where it cannot be had."""
    cache = venv()
    if cache is None:
        return None
    root, line, query, pickle, web = work / "graphite", free_port(), free_port(), free_port(), free_port()
    for folder in ("conf", "storage/whisper", "storage/log/webapp"):
        (root / folder).mkdir(parents=True)
    (root / "conf/carbon.conf").write_text(
        f"[cache]\nLINE_RECEIVER_INTERFACE = 127.0.0.1\nLINE_RECEIVER_PORT = {line}\nPICKLE_RECEIVER_INTERFACE = 127.0.0.1\nPICKLE_RECEIVER_PORT = {pickle}\n"
        f"CACHE_QUERY_INTERFACE = 127.0.0.1\nCACHE_QUERY_PORT = {query}\nMAX_CREATES_PER_MINUTE = inf\nMAX_UPDATES_PER_SECOND = inf\nENABLE_UDP_LISTENER = False\nUSER =\n"
        f"ENABLE_TAGS = True\nGRAPHITE_URL = http://127.0.0.1:{web}\n"
    )
    ours = HERE / "contrib/graphite"
    for name in ("storage-schemas.conf", "storage-aggregation.conf"):
        if (ours / name).exists():
            shutil.copy(ours / name, root / "conf" / name)
        else:
            (root / "conf" / name).write_text(CONF[name])
    (root / "settings.py").write_text(
        f"from graphite.settings import *\nSECRET_KEY = 'test'\nALLOWED_HOSTS = ['127.0.0.1']\nTIME_ZONE = 'UTC'\nSTANDARD_DIRS = ['{root}/storage/whisper']\nSTORAGE_DIR = '{root}/storage'\n"
        f"LOG_DIR = '{root}/storage/log/webapp'\nCARBONLINK_HOSTS = ['127.0.0.1:{query}:a']\nLOG_CACHE_PERFORMANCE = False\nLOG_RENDERING_PERFORMANCE = False\n"
        f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': '{root}/storage/graphite.db'}}}}\n"
    )
    environment = {
        **os.environ,
        "GRAPHITE_ROOT": str(root),
        "GRAPHITE_CONF_DIR": str(root / "conf"),
        "GRAPHITE_STORAGE_DIR": str(root / "storage"),
        "PYTHONPATH": str(root),
        "DJANGO_SETTINGS_MODULE": "settings",
        "PYTHONWARNINGS": "ignore",
    }
    log = (work / "graphite.log").open("w")
    carbon = [cache / "bin/python", cache / "bin/carbon-cache.py", f"--config={root}/conf/carbon.conf", "--nodaemon", "start"]
    running.append(subprocess.Popen(carbon, env=environment, stdout=log, stderr=log))
    subprocess.run([cache / "bin/django-admin", "migrate", "--run-syncdb", "-v", "0"], check=True, env=environment, stdout=log, stderr=log)
    running.append(subprocess.Popen([cache / "bin/django-admin", "runserver", "--noreload", f"127.0.0.1:{web}"], env=environment, stdout=log, stderr=log))
    url = f"http://127.0.0.1:{web}"
    answers(f"{url}/metrics/find?query=*")
    return url, line


def rendered(asked, within=60):
    """What Graphite has. It cannot answer, and is asked again, while Carbon has only begun to make a file."""
    until = time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            print(f"Graphite: {error}")
            if time.monotonic() > until:
                raise
            time.sleep(0.3)


def graphite(work, running):
    found = graphite_servers(work, running)
    if found is None:
        return
    url, line = found
    days, sent = made_up(), collections.Counter()
    with socket.create_connection(("127.0.0.1", line), timeout=60) as carbon_line:
        for path, value, at in grafana_days.graphite(days):
            carbon_line.sendall(f"{path} {value:.4f} {at}\n".encode())
            sent[path] += 1
    # Carbon writes them to disk one after another; queries over weeks read the disk.
    asked = f"{url}/render?format=json&from=-30d&target={grafana_days.PREFIX}.*.*&target={grafana_days.PREFIX}.*.*.*"
    until = time.monotonic() + 180
    while True:
        there = {one["target"]: sum(value is not None for value, _ in one["datapoints"]) for one in rendered(asked)}
        missing = {path: there.get(path, 0) for path, count in sent.items() if there.get(path, 0) < count}
        if not missing:
            break
        if time.monotonic() > until:
            raise SystemExit(f"Graphite does not give back what was sent: {missing}")
        time.sleep(1)
    print(f"Graphite: {sent.total()} points sent")
    check(days, "--graphite", url)
    expect("graphite", url, days)
    tagged(url, line, days)


def exported(work, running):
    """The same queries on what the binary itself exports: a week of a home is imported, and it runs beside Carbon for the first time."""
    binary = pathlib.Path(os.environ.get("WATTRIBUTE_BIN") or HERE / "target" / "ci" / "wattribute")
    if not binary.exists():
        print(f"SKIPPED: {binary} is not built (make build), so nothing is exported by it")
        return
    found = graphite_servers(work, running)
    if found is None:
        return
    url, line = found
    home = grafana_home.Home(work / "home", line)
    running.append(home.page())
    log = (work / "wattribute.log").open("w")
    config = ["--config", str(home.config)]
    subprocess.run([binary, "import", str(home.history), *config], check=True, stdout=log, stderr=log)
    running.append(subprocess.Popen([binary, "run", *config], stdout=log, stderr=log))
    # Its past is told when it is worked out.
    asked = f"{url}/render?format=json&from=-6d&until=-5d&target=home.electricity.aggregate.power_watts&target=home.electricity.wattribute.lamp.power_watts"
    until = time.monotonic() + 180
    while True:
        there = [sum(value is not None for value, _ in one["datapoints"]) for one in rendered(asked)]
        if len(there) == 2 and min(there) > 1000:
            break
        if time.monotonic() > until:
            raise SystemExit(f"the past of the house and of what was learned is not exported: {there}")
        time.sleep(1)
    # Circuits are heard live alone; what was said a minute ago has been sent.
    time.sleep(15)
    subprocess.run([sys.executable, CHECK, "--graphite", url], check=True)
    print("Graphite: every query finds what the binary exported")


def tagged(url, line, days):
    """That the queries that docs/GRAFANA.md offers for metrics with tags find them, which no plain path does."""
    names = ("cabin.aggregate.power_watts", "cabin.wattribute.lamp.power_watts")
    queries = [text.strip() for text in (HERE / "docs/GRAFANA.md").read_text().splitlines() if text.startswith("    ") and "seriesByTag" in text]
    queries = [query.replace(grafana_days.PREFIX, "cabin").replace(grafana_days.PREFIX.replace(".", "\\."), "cabin") for query in queries]
    with socket.create_connection(("127.0.0.1", line), timeout=60) as carbon_line:
        for name in names:
            carbon_line.sendall(f"{name};house=cabin 40 {days.end}\n".encode())
    until = time.monotonic() + 60
    while True:
        counts = []
        for query in [*queries, "cabin.aggregate.power_watts", "cabin.*.*.power_watts"]:
            asked = urllib.parse.urlencode({"target": query, "from": days.end - 60, "until": days.end + 60, "format": "json"})
            counts.append(sum(value is not None for one in rendered(f"{url}/render?{asked}") for value, _ in one["datapoints"]))
        if counts == [1] * len(queries) + [0, 0] and queries:
            print(f"Graphite: {len(queries)} queries find metrics with tags")
            return
        if time.monotonic() > until:
            raise SystemExit(f"of metrics with tags, {queries} and plain paths find {counts}")
        time.sleep(0.3)


def influxdb(work, running):
    url, token, bucket = (os.environ.get(f"TEST_INFLUX_{name}") for name in ("URL", "TOKEN", "BUCKET"))
    if not url:
        if not shutil.which("influxd"):
            print("SKIPPED: influxd is not installed (Debian: apt-get install influxdb)")
            return
        url = servers.influxd(work, "home_assistant_events", running)
    bucket = bucket or "home_assistant_events"
    days = made_up()
    lines = "\n".join(grafana_days.influxdb(days))
    request = urllib.request.Request(f"{url}/write?db={bucket}&precision=ms", data=lines.encode(), headers={"Authorization": f"Token {token}"} if token else {})
    urllib.request.urlopen(request, timeout=60).read()
    print(f"InfluxDB: {lines.count(chr(10)) + 1} lines written")
    check(days, "--influxdb", url, "--database", bucket, *(["--token", token] if token else []))
    expect("influxdb", url, days, database=bucket, token=token)


def prometheus(work, running):
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        print("SKIPPED: prometheus is not installed (Debian: apt-get install prometheus)")
        return
    days, port, log = made_up(), free_port(), (work / "prometheus.log").open("w")
    (work / "metrics.txt").write_text("\n".join(grafana_days.prometheus(days)) + "\n")
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", work / "metrics.txt", work / "prometheus"], check=True, stdout=log, stderr=log)
    (work / "prometheus.yml").write_text("scrape_configs: []\n")
    running.append(
        subprocess.Popen(
            ["prometheus", f"--config.file={work}/prometheus.yml", f"--storage.tsdb.path={work}/prometheus", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log,
            stderr=log,
        )
    )
    answers(f"http://127.0.0.1:{port}/-/ready")
    check(days, "--prometheus", f"http://127.0.0.1:{port}")
    expect("prometheus", f"http://127.0.0.1:{port}", days)


def main(which):
    work, running = pathlib.Path(tempfile.mkdtemp(prefix="wattribute-grafana-")), []
    try:
        all = {"graphite": graphite, "exported": exported, "influxdb": influxdb, "prometheus": prometheus}
        for one in which or all:
            folder = work / one
            folder.mkdir()
            all[one](folder, running)
    except BaseException:
        for log in sorted(work.glob("*/*.log")):
            print(f"--- {log.name}\n{log.read_text()[-2000:]}", file=sys.stderr)
        raise
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
