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

# python_with_yaml: a python that can read YAML, as $python.
python_with_yaml() {
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import yaml' 2>/dev/null; then return; fi
    done
    echo "SKIPPED: python3 has no yaml (Debian: apt-get install python3-yaml)"
    return 1
}

# settings FILE COMPOSED: the compose file with the settings of FILE; all that it warns of is a mistake.
settings() {
    said=$(docker-compose --env-file "$1" config 2>&1 >"$2") || { echo "$said" >&2 && return 1; }
    [ -z "$said" ] || { echo "docker-compose config: $said" >&2 && return 1; }
}

compose() {
    # None of what is set here is to be taken.
    unset COMPOSE_FILE COMPOSE_PROFILES
    : >"$work/nothing"
    settings "$work/nothing" "$work/separate"
    sed -n 's/^#\(COMPOSE_FILE=.*embedded.*\)/\1/p' .env.example >"$work/one"
    settings "$work/one" "$work/embedded"
    for mode in nothing:0 one:1; do
        [ "$(docker-compose --env-file "$work/${mode%:*}" config --services | grep -cx wattribute)" -eq "${mode#*:}" ] ||
            { echo "docker-compose config --services: wattribute is to be there with docker-compose.embedded.yml, and only then" >&2 && return 1; }
    done
    if python_with_yaml; then "$python" scripts/check-compose.py "$work/separate" "$work/embedded"; fi
    sed 's/^#\([A-Z]\)/\1/' .env.example >"$work/everything"
    settings "$work/everything" "$work/composed"
    grep -q 'file: .*secrets/home_assistant_token' "$work/composed"
    echo "docker-compose.yml: clean, $(docker-compose --env-file "$work/nothing" config --services | wc -l) services, or all of ours in one"
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
    # A profile that is named brings the address of what it runs, and takes none away.
    "$work/home/contrib/docker/secrets.sh" --with mosquitto >/dev/null
    ! grep -q '^GRAPHITE_ADDRESS=' "$work/home/.env" || { echo "secrets.sh: it has our services send to a Graphite that nobody asked for" >&2 && return 1; }
    echo 'MQTT_URL=mqtt://me@192.168.1.7:1883' >>"$work/home/.env"
    sed -i '/^MQTT_URL=.*@mosquitto/d' "$work/home/.env"
    "$work/home/contrib/docker/secrets.sh" --with mosquitto,grafana >/dev/null
    for line in COMPOSE_PROFILES=mosquitto,grafana GRAPHITE_ADDRESS=graphite:2003 MQTT_URL=mqtt://me@192.168.1.7:1883; do
        grep -qx "$line" "$work/home/.env" || { echo "secrets.sh --with mosquitto,grafana: .env does not say $line" >&2 && return 1; }
    done
    if "$work/home/contrib/docker/secrets.sh" --with prometheus >/dev/null 2>&1; then echo "secrets.sh: it took a profile that is not there" >&2 && return 1; fi
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
    find contrib -name '*.yaml' -print0 | xargs -0 "$python" -c '
import sys, yaml
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        assert yaml.safe_load(file)["apiVersion"] == 1, path
print(f"{len(sys.argv) - 1} files of YAML")'
}

if there docker-compose docker-compose; then compose; fi
if there shellcheck shellcheck; then
    shellcheck -x contrib/*.sh contrib/*/*.sh scripts/check-ops.sh scripts/test-install.sh
    echo "shellcheck: clean"
fi
if there systemd-analyze systemd; then service; fi
secrets
if grep -rn 'sudo -u wattribute' contrib docs README.md; then echo "these know neither configuration nor environment of the service: sudo wattribute-service …" >&2 && exit 1; fi
scripts/test-install.sh
scripts/dockerfile.py --dry
contrib/grafana/make.py --check
contrib/grafana/check.py
if python_with_yaml; then yaml; fi
if there npm npm; then schema; fi
