#!/usr/bin/env python3
"""What `docker compose up` would run, read out of what `docker-compose config` says; docker-compose 1.29 lists every service there, whatever its profile.

    scripts/check-compose.py SEPARATE EMBEDDED     the output of each mode, as files

Says what is wrong, one a line, and ends with 1.
"""

import configparser
import pathlib
import re
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent.parent
THREE = {"smart-meter-service", "energy-correlator", "data-api"}
BESIDE = {"influxdb": {"influxdb"}, "mosquitto": {"mosquitto"}, "grafana": {"graphite", "grafana"}}
PORTS = {8014, 8017, 8006, 3000}


def running(services, profiles):
    return {name for name, service in services.items() if not service.get("profiles") or profiles & set(service["profiles"])}


def published(service):
    """Ports on this machine: `127.0.0.1:3001:3000/tcp` is 3001."""
    return [int(str(port).split("/")[0].split(":")[-2]) for port in service.get("ports", [])]


def mode(name, services, ours):
    """Exactly one mode runs, whatever else does, and all that a person knows it by is there."""
    if running(services, set()) != ours:
        yield f"{name}: without profiles {sorted(running(services, set()))} run, not {sorted(ours)}"
    for profile, more in BESIDE.items():
        if running(services, {profile}) != ours | more:
            yield f"{name}: with profile {profile} {sorted(running(services, {profile}))} run, not {sorted(ours | more)}"
    together = [port for service in sorted(running(services, set(BESIDE))) for port in published(services[service])]
    for port in {port for port in together if together.count(port) > 1}:
        yield f"{name}: port {port} is published twice"
    if {port for service in ours for port in published(services[service])} != PORTS:
        yield f"{name}: ours publish other ports than {sorted(PORTS)}"
    known = {alias for service in ours for alias in [service, *services[service].get("networks", {}).get("default", {}).get("aliases", [])]}
    if not known >= THREE | {"health-dashboard"}:
        yield f"{name}: others cannot call {sorted((THREE | {'health-dashboard'}) - known)}"


def looked_after(services):
    """What each service is to have, whoever made its image."""
    for name, service in services.items():
        for key in ("restart", "healthcheck", "logging", "stop_grace_period", "security_opt"):
            if key not in service:
                yield f"{name}: it has no {key}"
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{name}: {port} is open to the network where nothing was set"
        image = service["image"]
        if not image.startswith("wattribute") and not re.search(r":\d+\.\d+", image):
            yield f"{name}: {image} is another image from time to time; name a version"


def alike(value):
    """A value as it is told; docker-compose says `:rw` and sorts where it has merged."""
    return sorted(str(item).removesuffix(":rw") for item in value) if isinstance(value, list) else value


def same(separate, embedded):
    """The one container is told what the three are told, and finds the same data."""
    for key in ("environment", "volumes", "secrets", "user", "read_only", "cap_drop", "security_opt", "tmpfs", "image", "stop_grace_period"):
        for service in THREE:
            if alike(separate[service].get(key)) != alike(embedded["wattribute"].get(key)):
                yield f"{key} of wattribute is another than that of {service}"


def carbon(services):
    """Carbon takes as many metrics as there are, and is given our files."""
    mounted = {volume.split(":")[1] for volume in services["graphite"]["volumes"]}
    for file in sorted((HERE / "contrib/graphite").glob("*.conf")):
        if f"/opt/graphite/conf/{file.name}" not in mounted:
            yield f"graphite: {file.name} is not mounted"
    read = configparser.ConfigParser()
    read.read(HERE / "contrib/graphite/carbon.conf")
    for key, value in {"MAX_CREATES_PER_MINUTE": "inf", "WHISPER_LOCK_WRITES": "True", "LINE_RECEIVER_PORT": "2003"}.items():
        if read.get("cache", key, fallback=None) != value:
            yield f"carbon.conf: {key} is to be {value}"
    ports = [read.get(section, "LINE_RECEIVER_PORT", fallback="2003") for section in ("cache", "relay", "aggregator")]
    if len(set(ports)) != len(ports):
        yield "carbon.conf: two of its sections have the same port"


def main(paths):
    separate, embedded = (yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))["services"] for path in paths)
    wrong = [*mode("docker-compose.yml", separate, THREE), *mode("docker-compose.embedded.yml", embedded, {"wattribute"})]
    wrong += [*looked_after(embedded), *same(separate, embedded), *carbon(separate)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
