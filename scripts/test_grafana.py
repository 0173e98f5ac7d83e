#!/usr/bin/env python3
"""Every query of the Grafana dashboards, run against a real Carbon with graphite-web (PyPI), a real InfluxDB (Debian's influxd, 1.6) and a real
Prometheus (Debian's), filled with made-up days in the names that Wattribute exports. That each query returns something is told by contrib/grafana/check.py.

    scripts/test_grafana.py [graphite] [influxdb] [prometheus]        default: all

TEST_INFLUX_URL, _TOKEN and _BUCKET name another InfluxDB, to which the made-up days are written: an empty one.
"""

import json
import math
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

HERE = pathlib.Path(__file__).resolve().parent.parent
CHECK = HERE / "contrib" / "grafana" / "check.py"
# As scripts/graphite-venv.sh has them, with which the folder is shared.
PACKAGES = ["carbon==1.1.10", "graphite-web==1.1.10", "whisper==1.1.10", "setuptools<80"]
DAYS = 9
STEP = 300
DEVICES = {"kasa": {"kettle": 2000, "tv": 80}, "wattribute": {"hall_light": 40, "heat_pump": 1300}}
CIRCUITS = {"kitchen": 400, "upstairs": 150}
SOURCE = "home_assistant"
# Where contrib/graphite is not there.
CONF = {
    "storage-schemas.conf": "[all]\npattern = .*\nretentions = 10s:7d,1m:30d,10m:1y\n",
    "storage-aggregation.conf": "[counters]\npattern = \\.energy_kwh_\nxFilesFactor = 0\naggregationMethod = last\n[all]\npattern = .*\nxFilesFactor = 0\naggregationMethod = average\n",
}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def power(peak, at):
    """W at an instant: on for two hours of three, not all in the same."""
    return peak if (at // 3600 + peak) % 3 else 0.0


def days(now):
    """(epoch s, power of the house W, energy of its day kWh) every STEP; days are UTC's."""
    begin = (now - DAYS * 86400) // 86400 * 86400
    energy = 0.0
    for at in range(begin, now, STEP):
        if at % 86400 == 0:
            energy = 0.0
        house = 150 + 60 * math.sin(at / 9000) + sum(power(peak, at) for of in DEVICES.values() for peak in of.values())
        energy += house * STEP / 3.6e6
        yield at, house, energy


def graphite_lines(now):
    p = "home.electricity"
    for at, house, energy in days(now):
        yield f"{p}.aggregate.power_watts {house:.1f} {at}"
        for period in ("daily", "weekly", "monthly", "yearly"):
            yield f"{p}.aggregate.energy_kwh_{period} {energy:.4f} {at}"
        for source, devices in DEVICES.items():
            for device, peak in devices.items():
                yield f"{p}.{source}.{device}.power_watts {power(peak, at):.1f} {at}"
                yield f"{p}.{source}.{device}.energy_kwh_daily {energy / 8:.4f} {at}"
                if source == "kasa":
                    yield f"{p}.{source}.{device}.is_on {1 if power(peak, at) else 0} {at}"
        for circuit, mean in CIRCUITS.items():
            yield f"{p}.circuit.{circuit}.power_watts {mean} {at}"


def influx_lines(now):
    for at, house, energy in days(now):
        yield f"smart_meter,meter_type={SOURCE} total_power_w={house:.1f},daily_kwh={energy:.4f} {at * 1000}"
        for circuit, mean in CIRCUITS.items():
            yield f"smart_meter_circuit,circuit_name={circuit} power_w={mean},percentage=10 {at * 1000}"
        if at % 10800 < STEP:
            tags = "entity_id=switch.kettle,domain=switch,state=on,previous_state=off"
            yield f"event_energy_correlation,{tags} power_before_w=150,power_after_w=2150,power_delta_w=2000,power_delta_pct=1333 {at * 1000}"


def open_metrics(now):
    """What Prometheus would have kept of /metrics, in OpenMetrics: a family after the other, each in order of time."""
    minutes = range((now - DAYS * 86400) // 86400 * 86400, now, 60)
    house = {at: (power_w, kwh) for at, power_w, kwh in days(now)}
    at_step = lambda at: house.get(at // STEP * STEP, (150.0, 0.0))
    families = {
        "wattribute_house_power_watts": [("", lambda at: at_step(at)[0])],
        "wattribute_house_energy_today_kwh": [("", lambda at: at_step(at)[1])],
        "wattribute_device_power_watts": [
            (f'entity_id="switch.{name}",name="{name}"', lambda at, peak=peak: power(peak, at)) for of in DEVICES.values() for name, peak in of.items()
        ],
        "wattribute_circuit_power_watts": [(f'entity_id="sensor.{name}",name="{name}"', lambda at, mean=mean: mean) for name, mean in CIRCUITS.items()],
        "wattribute_build_info": [('version="9.9.9"', lambda at: 1)],
        "wattribute_adapter_up": [('adapter="tasmota"', lambda at: 1)],
        "wattribute_dependency_up": [('service="meter",dependency="store"', lambda at: 1)],
        "wattribute_readings_total": [("", lambda at: at % 10**7)],
        "wattribute_bad_payloads_total": [('adapter="tasmota"', lambda at: 3)],
        "wattribute_correlator_lag_seconds": [("", lambda at: 1.5)],
        "wattribute_correlator_backlog_seconds": [("", lambda at: 0)],
        "wattribute_learning_seconds": [("", lambda at: 3.6)],
        "wattribute_http_requests_total": [('service="data-api",method="GET",route="/health",status="200"', lambda at: at % 10**7)],
        "wattribute_http_request_duration_seconds_bucket": [
            (f'service="data-api",route="/health",le="{le}"', lambda at, share=share: at % 10**7 * share)
            for le, share in (("0.01", 0.9), ("0.1", 1), ("+Inf", 1))
        ],
    }
    for name, all_of in families.items():
        for labels, value in all_of:
            for at in minutes:
                yield f"{name}{{{labels}}} {value(at)} {at}"
    yield "# EOF"


def answers(url, within=60):
    """Waits until somebody answers there."""
    until = time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > until:
                raise SystemExit(f"nobody answers at {url}") from None
            time.sleep(0.3)


def check(*arguments):
    subprocess.run([sys.executable, CHECK, *arguments], check=True)


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


def graphite(work, running):
    cache = venv()
    if cache is None:
        return
    root, line, query, pickle, web = work / "graphite", free_port(), free_port(), free_port(), free_port()
    for folder in ("conf", "storage/whisper", "storage/log/webapp"):
        (root / folder).mkdir(parents=True)
    (root / "conf/carbon.conf").write_text(
        f"[cache]\nLINE_RECEIVER_INTERFACE = 127.0.0.1\nLINE_RECEIVER_PORT = {line}\nPICKLE_RECEIVER_INTERFACE = 127.0.0.1\nPICKLE_RECEIVER_PORT = {pickle}\n"
        f"CACHE_QUERY_INTERFACE = 127.0.0.1\nCACHE_QUERY_PORT = {query}\nMAX_CREATES_PER_MINUTE = inf\nMAX_UPDATES_PER_SECOND = inf\nENABLE_UDP_LISTENER = False\nUSER =\n"
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
    now = int(time.time()) // STEP * STEP
    sent = 0
    with socket.create_connection(("127.0.0.1", line), timeout=60) as carbon_line:
        for text in graphite_lines(now):
            carbon_line.sendall(f"{text}\n".encode())
            sent += 1
    # Carbon writes them to disk one after another; queries over weeks read the disk.
    asked = f"{url}/render?format=json&from=-30d&target=home.electricity.*.*&target=home.electricity.*.*.*"
    wanted = [len(list(days(now))) * 0.98] * (sent // len(list(days(now))))
    until = time.monotonic() + 120
    while True:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            there = [sum(value is not None for value, _ in one["datapoints"]) for one in json.load(answer)]
        if len(there) == len(wanted) and all(n >= w for n, w in zip(there, wanted, strict=True)):
            break
        if time.monotonic() > until:
            raise SystemExit(f"Graphite does not give back what was sent: {there}")
        time.sleep(1)
    print(f"Graphite: {sent} points sent")
    check("--graphite", url)


def influxdb(work, running):
    url, token, bucket = (os.environ.get(f"TEST_INFLUX_{name}") for name in ("URL", "TOKEN", "BUCKET"))
    if not url:
        if not shutil.which("influxd"):
            print("SKIPPED: influxd is not installed (Debian: apt-get install influxdb)")
            return
        http, rpc, root = free_port(), free_port(), work / "influxdb"
        config = work / "influxdb.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{rpc}"\n[meta]\ndir = "{root}/meta"\n[data]\ndir = "{root}/data"\nwal-dir = "{root}/wal"\n'
            f'[http]\nbind-address = "127.0.0.1:{http}"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n'
        )
        log = (work / "influxdb.log").open("w")
        running.append(subprocess.Popen(["influxd", "-config", config], stdout=log, stderr=log))
        url = f"http://127.0.0.1:{http}"
        answers(f"{url}/ping")
        made = urllib.parse.urlencode({"q": "CREATE DATABASE home_assistant_events"}).encode()
        urllib.request.urlopen(f"{url}/query", data=made, timeout=30).read()
    bucket = bucket or "home_assistant_events"
    lines = "\n".join(influx_lines(int(time.time()) // STEP * STEP))
    request = urllib.request.Request(f"{url}/write?db={bucket}&precision=ms", data=lines.encode(), headers={"Authorization": f"Token {token}"} if token else {})
    urllib.request.urlopen(request, timeout=60).read()
    print(f"InfluxDB: {lines.count(chr(10)) + 1} lines written")
    check("--influxdb", url, "--database", bucket, "--var", f"meter={SOURCE}", *(["--token", token] if token else []))


def prometheus(work, running):
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        print("SKIPPED: prometheus is not installed (Debian: apt-get install prometheus)")
        return
    now, port, log = int(time.time()), free_port(), (work / "prometheus.log").open("w")
    (work / "metrics.txt").write_text("\n".join(open_metrics(now)) + "\n")
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
    check("--prometheus", f"http://127.0.0.1:{port}")


def main(which):
    work, running = pathlib.Path(tempfile.mkdtemp(prefix="wattribute-grafana-")), []
    try:
        for one in which or ["graphite", "influxdb", "prometheus"]:
            {"graphite": graphite, "influxdb": influxdb, "prometheus": prometheus}[one](work, running)
    except BaseException:
        for log in sorted(work.glob("*.log")):
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
