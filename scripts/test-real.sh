#!/bin/sh
# Everything against a real Home Assistant and a real broker: what its own InfluxDB integration wrote is imported and is what it recorded, what it
# recorded is analyzed (while it runs, as a copy made then, and after it stopped), its readings are heard, sensors and events are brought to it, and
# the binary is at work beside it.
#
#     scripts/test-real.sh [VERSION...]        (default 2026.11.0; needs ha-lab in $SHARED, default ../shared)
#
# With HOME_ASSISTANT_URL, HOME_ASSISTANT_TOKEN and HA_LAB_MQTT_PORT set and no VERSION, the tests of the running services use that
# Home Assistant instead: one for tests, since things are switched in it and it is restarted. Its house is to be that of ha-lab.
# WATTRIBUTE_TEST_LIVE=slow also waits for Home Assistant's own statistics, restarts it in the middle of the binary's story, and adds 100 sensors.
set -eu
cd "$(dirname "$0")/.."
export WATTRIBUTE_TEST_LIVE="${WATTRIBUTE_TEST_LIVE:-1}"
export WATTRIBUTE_BIN="${WATTRIBUTE_BIN:-${CARGO_TARGET_DIR:-target}/ci/wattribute}"

# The whole workspace is built, as for all tests, so that nothing is compiled twice with other features.
try() {
    cargo nextest run --workspace --cargo-profile ci --no-capture -E "$1"
}

# One after the other: there is one house.
services() {
    try 'test(=a_real_home_assistant_is_read)'
    try 'test(a_real_home_assistant_shows_hears_and_counts_it)'
    try 'test(what_is_switched_in_a_real_home_assistant_is_seen_in_it)'
}

recorder() {
    WATTRIBUTE_TEST_RECORDER="$1" try 'test(a_database_of_a_real_home_assistant)'
}

if [ $# -eq 0 ] && [ -n "${HOME_ASSISTANT_URL:-}" ] && [ -n "${HOME_ASSISTANT_TOKEN:-}" ] && [ -n "${HA_LAB_MQTT_PORT:-}" ]; then
    services
    exit
fi

lab="$(cd "${SHARED:-../shared}" && pwd)/ha-lab/ha-lab"
port="${HA_LAB_PORT:-8410}"
work="${TMPDIR:-/tmp}/wattribute-test-real"
[ $# -gt 0 ] || set -- 2026.11.0

# shellcheck disable=SC2086  # several words are meant
begin() {
    at="--ha $version --config $1 --port $port"
    trap '"$lab" $at stop || true' EXIT
    trap 'exit 1' INT TERM
    unset HOME_ASSISTANT_URL HOME_ASSISTANT_TOKEN HA_LAB_MQTT_PORT
    set -a
    eval "$("$lab" $at --fresh start)"
    set +a
    [ -n "${HOME_ASSISTANT_TOKEN:-}" ]
}

# shellcheck disable=SC2086
end() {
    "$lab" $at stop
    trap - EXIT INT TERM
}

for version; do
    config="$work/$version/config"
    copy="$work/$version/copy"
    rm -rf "${work:?}/$version"
    mkdir -p "$copy"
    begin "$config"
    python3 scripts/influxdb-of-home-assistant.py "${HA_LAB_HOME:-/tmp/ha-lab}/$version/venv/bin/python" "$config"
    recorder "$config/home-assistant_v2.db"
    cp "$config/home-assistant_v2.db" "$config/home-assistant_v2.db-wal" "$copy/"
    end
    recorder "$config/home-assistant_v2.db:$copy/home-assistant_v2.db"
    # Another one, since what was switched so fast would be learned from.
    begin "$work/$version/live"
    services
    end
    echo "$version: $config/home-assistant_v2.db"
done
