"""Servers that the scripts start for their tests, on loopback."""

import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request


held = []


def free_port():
    """A port that nobody else is given as long as this script runs: a socket stays bound to it, without listening, which lets a server that
    asks for this very port have it (SO_REUSEADDR)."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    held.append(one)
    return one.getsockname()[1]


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


def influxd(folder, database, running):
    """An InfluxDB 1.x with a database, which `running` gets; its address."""
    http, rpc, root = free_port(), free_port(), folder / "influxdb"
    config = folder / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{rpc}"\n[meta]\ndir = "{root}/meta"\n[data]\ndir = "{root}/data"\nwal-dir = "{root}/wal"\n'
        f'[http]\nbind-address = "127.0.0.1:{http}"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n'
    )
    log = (folder / "influxdb.log").open("w")
    running.append(subprocess.Popen(["influxd", "-config", config], stdout=log, stderr=log))
    url = f"http://127.0.0.1:{http}"
    answers(f"{url}/ping")
    made = urllib.parse.urlencode({"q": f"CREATE DATABASE {database}"}).encode()
    urllib.request.urlopen(f"{url}/query", data=made, timeout=30).read()
    return url
