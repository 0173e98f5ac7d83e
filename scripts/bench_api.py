#!/usr/bin/env python3
"""How quick the data API answers: 200 requests a second, mixed, over a year of 5 s data and 100 series.

WATTRIBUTE_BIN names the program, WATTRIBUTE_YEAR the built `year` example of the store. The store is made once in the user's cache (some minutes).
Prints p50, p99 and the slowest by route, the server's CPU and memory; beside it, in the same run, the same load on /health/live, which does
nothing: what the machine and the asking cost.
"""
import asyncio
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import time

from servers import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "wattribute"
RATE, SECONDS = 200, int(os.environ.get("BENCH_SECONDS", "30"))
DAY = 86_400_000


def routes(now):
    year, month = now - 365 * DAY, now - 30 * DAY
    return {
        "current": (30, "/api/v1/energy/current"),
        "statistics": (10, "/api/v1/energy/statistics"),
        "correlations": (15, "/api/v1/energy/correlations?min_delta=10"),
        "circuits": (4, "/api/v1/energy/circuits"),
        "devices": (8, "/api/v1/devices"),
        "device": (4, "/api/v1/devices/switch.thing_7?limit=50"),
        "top-consumers": (2, "/api/v1/energy/top-consumers"),
        "device-impact": (4, "/api/v1/energy/device-impact/switch.thing_3"),
        "phantom-load": (3, "/api/v1/energy/phantom-load"),
        "history, 30 days": (5, "/api/v1/energy/history"),
        "history, a year by month": (3, f"/api/v1/energy/history?period=month&from={year}"),
        "attribution, a day": (6, "/api/v1/energy/attribution"),
        "attribution, a year": (2, f"/api/v1/energy/attribution?from={year}"),
        "house, a year": (4, f"/api/v1/readings?from={year}&to={now}&max_points=2000"),
        "house, a day": (6, "/api/v1/readings?max_points=1000"),
        "plug, a month": (4, f"/api/v1/readings?device=sensor.plug_3_power&from={month}&to={now}&max_points=1000"),
        "series": (3, "/api/v1/series"),
        "tariffs": (3, "/api/v1/tariffs"),
        "live page": (2, "/api/v1/alerts"),
    }


async def ask(pool, port, path):
    try:
        reader, writer = pool.pop()
    except IndexError:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.perf_counter()
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    if "content-length:" in head:
        await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    else:
        while (size := int((await reader.readuntil(b"\r\n")).strip() or b"0", 16)) > 0:
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    took = 1000 * (time.perf_counter() - begun)
    pool.append((reader, writer))
    if " 200 " not in head.splitlines()[0]:
        raise SystemExit(f"{path}: {head.splitlines()[0]}")
    return took


async def load(port, paths):
    """Times in ms by name, asked at the rate whatever the answers take."""
    pool, took, tasks = [], {}, []
    weighted = [name for name, (weight, _) in paths.items() for _ in range(weight)]
    chosen = random.Random(1)

    async def one(name):
        took.setdefault(name, []).append(await ask(pool, port, paths[name][1]))

    begun = time.perf_counter()
    for k in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, begun + k / RATE - time.perf_counter()))
        tasks.append(asyncio.create_task(one(chosen.choice(weighted))))
    await asyncio.gather(*tasks)
    return took


def at(times, share):
    times = sorted(times)
    return times[min(len(times) - 1, int(share * len(times)))]


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main():
    binary = pathlib.Path(os.environ.get("WATTRIBUTE_BIN", ROOT / "target" / "ci" / "wattribute")).resolve()
    year = os.environ.get("WATTRIBUTE_YEAR", ROOT / "target" / "ci" / "examples" / "year")
    CACHE.mkdir(parents=True, exist_ok=True)
    now = int(time.time() * 1000)
    with tempfile.TemporaryDirectory(dir=CACHE) as made:
        store = pathlib.Path(made) / "year.db"
        begun = time.time()
        subprocess.run([year, store, str(now)], check=True)
        print(f"a year of 100 series written in {time.time() - begun:.0f} s, {store.stat().st_size / 1e6:.0f} MB", flush=True)
        port = free_port()
        listen = {"WATTRIBUTE__DATA_API__LISTEN": f"127.0.0.1:{port}", "WATTRIBUTE__DASHBOARD__LISTEN": "127.0.0.1:0"}
        environment = {**os.environ, **listen, "WATTRIBUTE__STORE__URL": f"sqlite:{store}", "WATTRIBUTE__DATA_DIR": made}
        program = subprocess.Popen([binary, "data-api"], env=environment, cwd=made, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.time() + 20
            while time.time() < until:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            paths = routes(now)
            first = {name: asyncio.run(ask([], port, path)) for name, (_, path) in paths.items()}
            nothing = asyncio.run(load(port, {"nothing": (1, "/health/live")}))["nothing"]
            before, begun = cpu_s(program.pid), time.time()
            took = asyncio.run(load(port, paths))
            cpu = 100 * (cpu_s(program.pid) - before) / (time.time() - begun)
            every = [t for times in took.values() for t in times]
            print(f"{'route':28}{'asked':>7}{'first':>9}{'p50':>8}{'p99':>8}{'slowest':>9}  ms")
            for name in paths:
                times = took.get(name, [])
                if times:
                    print(f"{name:28}{len(times):7}{first[name]:9.1f}{at(times, 0.5):8.1f}{at(times, 0.99):8.1f}{max(times):9.1f}")
            print(f"{'all':28}{len(every):7}{'':9}{at(every, 0.5):8.1f}{at(every, 0.99):8.1f}{max(every):9.1f}")
            print(f"{'/health/live alone':28}{len(nothing):7}{'':9}{at(nothing, 0.5):8.1f}{at(nothing, 0.99):8.1f}{max(nothing):9.1f}")
            print(f"the server: {cpu:.0f} % of a core, {memory_mb(program.pid):.0f} MB resident")
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(20)


if __name__ == "__main__":
    main()
