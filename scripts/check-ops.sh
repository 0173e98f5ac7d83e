#!/bin/sh
# What containers, systemd and Grafana are given, as far as it can be told without them: the compose file, scripts, the service, the installer, the Dockerfile, dashboards.
# Debian's packages for it: docker-compose shellcheck systemd python3 python3-yaml nodejs npm. What is not there is said to be SKIPPED.
set -eu
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wattribute
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# there TOOL PACKAGE: whether a tool is there; else says so.
there() {
    command -v "$1" >/dev/null && return
    echo "SKIPPED: $1 is not installed (Debian: apt-get install $2)"
    return 1
}

# settings FILE PROFILES: the compose file with the settings of FILE; all that it warns of is a mistake.
settings() {
    said=$(COMPOSE_PROFILES=$2 docker-compose --env-file "$1" config 2>&1 >"$work/composed") || { echo "$said" >&2 && return 1; }
    [ -z "$said" ] || { echo "docker-compose config: $said" >&2 && return 1; }
}

compose() {
    # None of what is set here is to be taken.
    : >"$work/nothing"
    settings "$work/nothing" ''
    for service in smart-meter-service energy-correlator data-api; do
        grep -q "^  $service:" "$work/composed" || { echo "docker-compose.yml: there is no $service" >&2 && return 1; }
    done
    [ "$(grep -c -- '- health-dashboard' "$work/composed")" -eq 2 ] || { echo "docker-compose.yml: who asks health-dashboard finds nobody" >&2 && return 1; }
    sed 's/^#\([A-Z]\)/\1/' .env.example >"$work/everything"
    settings "$work/everything" influxdb,mosquitto,grafana,embedded
    grep -q 'file: .*secrets/home_assistant_token' "$work/composed"
    echo "docker-compose.yml: clean, $(docker-compose --env-file "$work/nothing" config --services | wc -l) services"
}

# In a folder of its own: what is made is random, closed to others, named in .env, and left as it is by a second run.
secrets() {
    mkdir -p "$work/home/contrib/docker"
    cp contrib/docker/secrets.sh "$work/home/contrib/docker/"
    cp .env.example "$work/home/"
    "$work/home/contrib/docker/secrets.sh" >/dev/null
    before=$(cat "$work/home/.env" "$work/home/secrets"/* | cksum)
    "$work/home/contrib/docker/secrets.sh" >/dev/null
    [ "$(cat "$work/home/.env" "$work/home/secrets"/* | cksum)" = "$before" ] || { echo "secrets.sh: a second run changed something" >&2 && return 1; }
    [ "$(stat -c %a "$work/home/secrets")" = 700 ] || { echo "secrets.sh: others can look into the folder" >&2 && return 1; }
    [ "$(wc -c <"$work/home/secrets/influxdb_token")" -eq 64 ] || { echo "secrets.sh: a token is to have 64 digits" >&2 && return 1; }
    for name in wattribute_tokens home_assistant_token mqtt_password influxdb_token influxdb_password grafana_password; do
        grep -q "^$(echo "$name" | tr '[:lower:]' '[:upper:]')_FILE=./secrets/$name\$" "$work/home/.env" || { echo "secrets.sh: .env does not name $name" >&2 && return 1; }
        grep -q "^  $name:" docker-compose.yml || { echo "docker-compose.yml: there is no secret $name" >&2 && return 1; }
    done
    grep -q '^GRAFANA_API_TOKEN_FILE=./secrets/wattribute_tokens$' "$work/home/.env"
    echo "secrets.sh: made, named, kept"
}

# With the binary's place taken by a program that is here, since nothing is installed.
service() {
    mkdir -p "$work/unit"
    sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' contrib/systemd/wattribute.service >"$work/unit/wattribute.service"
    said=$(systemd-analyze verify --man=no "$work/unit/wattribute.service" 2>&1) || { echo "$said" >&2 && return 1; }
    [ -z "$said" ] || { echo "systemd-analyze verify: $said" >&2 && return 1; }
    # 2.0 of 10 at most.
    systemd-analyze security --offline=true --threshold=20 --no-pager "$work/unit/wattribute.service" >"$work/exposure" || { cat "$work/exposure" >&2 && return 1; }
    echo "wattribute.service: $(sed -n 's/.*Overall exposure level for [^:]*: \([^ ]* [^ ]*\).*/exposure \1/p' "$work/exposure")"
}

schema() {
    packages="@grafana/schema@13.2.3 ts-json-schema-generator@2.4.0 ajv@8.20.0"
    folder=$cache/grafana-schema
    if [ "$(cat "$folder/installed.txt" 2>/dev/null)" != "$packages" ]; then
        rm -rf "$folder"
        mkdir -p "$folder"
        echo '{"private": true}' >"$folder/package.json"
        # shellcheck disable=SC2086  # several words are meant
        if ! (cd "$folder" && npm install --silent --no-audit --no-fund --ignore-scripts $packages >/dev/null 2>&1); then
            echo "SKIPPED: npm cannot get Grafana's schema ($packages)"
            return 0
        fi
        echo "$packages" >"$folder/installed.txt"
    fi
    node contrib/grafana/schema.mjs "$folder"
}

yaml() {
    for python in python3 /usr/bin/python3; do
        "$python" -c 'import yaml' 2>/dev/null || continue
        find contrib -name '*.yaml' -print0 | xargs -0 "$python" -c '
import sys, yaml
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        assert yaml.safe_load(file)["apiVersion"] == 1, path
print(f"{len(sys.argv) - 1} files of YAML")'
        return
    done
    echo "SKIPPED: python3 has no yaml (Debian: apt-get install python3-yaml)"
}

if there docker-compose docker-compose; then compose; fi
if there shellcheck shellcheck; then
    shellcheck -x contrib/*.sh contrib/*/*.sh scripts/check-ops.sh scripts/test-install.sh
    echo "shellcheck: clean"
fi
if there systemd-analyze systemd; then service; fi
secrets
scripts/test-install.sh
scripts/dockerfile.py --dry
contrib/grafana/make.py --check
contrib/grafana/check.py
yaml
if there npm npm; then schema; fi
