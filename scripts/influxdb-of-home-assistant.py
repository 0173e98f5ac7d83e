#!/usr/bin/env python3
"""What a real Home Assistant's own InfluxDB integration writes to a real InfluxDB 1.x (Debian's influxd) while things are switched in it, imported into
one store, and what its recorder kept, imported into another: both say the same.

    HOME_ASSISTANT_URL=... HOME_ASSISTANT_TOKEN=... scripts/influxdb-of-home-assistant.py PYTHON CONFIG

PYTHON is Home Assistant's own, which gets the client that the integration needs; CONFIG its configuration folder. WATTRIBUTE_BIN names the binary.
"""

import csv
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import servers

HERE = pathlib.Path(__file__).resolve().parent
URL, TOKEN = os.environ["HOME_ASSISTANT_URL"], os.environ["HOME_ASSISTANT_TOKEN"]
DATABASE = "homeassistant"


def ask(path, data=None):
    request = urllib.request.Request(
        f"{URL}{path}",
        data=None if data is None else json.dumps(data).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def set_up(python, url):
    """Adds the integration as an owner does in its settings; whether this Home Assistant has it there, rather than in YAML alone."""
    manifest = subprocess.run(
        [python, "-c", "import homeassistant.components as c; print(c.__path__[0])"], check=True, capture_output=True, text=True
    ).stdout.strip()
    needs = json.loads((pathlib.Path(manifest) / "influxdb" / "manifest.json").read_text())
    if not needs.get("config_flow"):
        return False
    subprocess.run([python, "-m", "pip", "install", "-q", *needs["requirements"]], check=True)
    flow = ask("/api/config/config_entries/flow", {"handler": "influxdb"})
    flow = ask(f"/api/config/config_entries/flow/{flow['flow_id']}", {"next_step_id": "configure_v1"})
    done = ask(f"/api/config/config_entries/flow/{flow['flow_id']}", {"url": url, "database": DATABASE, "verify_ssl": False})
    if done.get("type") != "create_entry":
        sys.exit(f"the integration cannot be set up: {done}")
    return True


def imported(what, folder):
    """What the store says after an import: by device and quantity, the value at each instant."""
    binary = os.environ.get("WATTRIBUTE_BIN", str(HERE.parent / "target" / "ci" / "wattribute"))
    folder.mkdir()
    (folder / "wattribute.toml").write_text(f'data_dir = "{folder}/data"\n')
    run = lambda *words: subprocess.run([binary, *words, "--config", str(folder / "wattribute.toml")], check=True, stdout=sys.stderr)  # noqa: E731
    run("import", *what)
    run("export", str(folder / "csv"))
    said = {}
    for file in sorted((folder / "csv").glob("*.csv")):
        with file.open() as rows:
            for row in csv.DictReader(rows):
                if row["source"] == "home_assistant" and row["value"]:
                    said.setdefault((row["device"], row["quantity"]), []).append((row["at"], float(row["value"]), row["state"]))
    return said


def news(rows):
    """Rows without those that repeat what is held."""
    return [row for k, row in enumerate(rows) if k == 0 or row[1:] != rows[k - 1][1:]]


def same(one, other):
    """Whether two rows say the same: of an instant between two ms each of them takes one."""
    apart = datetime.datetime.fromisoformat(one[0]) - datetime.datetime.fromisoformat(other[0])
    return one[1:] == other[1:] and abs(apart) <= datetime.timedelta(milliseconds=1)


def main():
    python, config = sys.argv[1], pathlib.Path(sys.argv[2])
    if not shutil.which("influxd"):
        print("SKIPPED: influxd is not installed (apt install influxdb)")
        subprocess.run([sys.executable, str(HERE / "switch-things.py")], check=True)
        return
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        running = []
        try:
            url = servers.influxd(work, DATABASE, running)
            has_it = set_up(python, url)
            since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 1))
            subprocess.run([sys.executable, str(HERE / "switch-things.py")], check=True)
            if not has_it:
                print("this Home Assistant has InfluxDB in YAML alone: nothing is compared")
                return
            # Its writer lets points wait for up to a second.
            time.sleep(3)
            influx = imported([url, "--bucket", DATABASE], work / "influx")
            recorder = imported([str(config / "home-assistant_v2.db")], work / "recorder")
        finally:
            for server in running:
                server.terminate()
                server.wait()
    wrong, compared = [], 0
    # What was still in the recorder's hands at the end is not compared.
    end = max(rows[-1][0] for rows in recorder.values())
    for key, rows in sorted(recorder.items()):
        expected = [row for row in news(rows) if since < row[0] < end]
        found = [row for row in news(influx.get(key, [])) if since < row[0]]
        while expected and found and found[-1][0] > expected[-1][0] and not same(found[-1], expected[-1]):
            found.pop()
        # The first is news or not by what was said before.
        pairs = list(zip(expected[1:], found[-len(expected) + 1 :])) if len(expected) > 1 else []
        first = next((pair for pair in pairs if not same(*pair)), None)
        if first or len(pairs) < len(expected) - 1:
            wrong.append(f"{key}: {len(expected)} rows of the recorder, {len(found)} of InfluxDB; the first that differ: {first}")
        compared += len(expected)
    said = "do not say" if wrong else "say"
    print(f"InfluxDB and the recorder {said} the same of {len(recorder)} series: {compared} rows since the integration was set up")
    if wrong or compared < 100:
        sys.exit("\n".join(wrong) or f"only {compared} rows were compared: {[(k, len(v)) for k, v in influx.items()]}")


main()
