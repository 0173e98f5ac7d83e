#!/bin/sh
# Reads and analyzes databases that a real Home Assistant wrote: while it runs, as a copy made then, and after it stopped.
#
#     scripts/test-real.sh [VERSION...]        (default 2026.11.0; needs ha-lab in $SHARED, default ../shared)
set -eu
cd "$(dirname "$0")/.."
lab="$(cd "${SHARED:-../shared}" && pwd)/ha-lab/ha-lab"
port="${HA_LAB_PORT:-8410}"
work="${TMPDIR:-/tmp}/wattribute-test-real"
[ $# -gt 0 ] || set -- 2026.11.0

# The whole workspace is built, as for all tests, so that nothing is compiled twice with other features.
try() {
    WATTRIBUTE_TEST_RECORDER="$1" cargo nextest run --workspace --cargo-profile ci --no-capture -E 'test(of_a_real_home_assistant)'
}

for version; do
    config="$work/$version/config"
    copy="$work/$version/copy"
    rm -rf "$work/$version"
    mkdir -p "$copy"
    trap '"$lab" --ha "$version" --config "$config" --port "$port" --no-mqtt stop || true' EXIT
    set -a
    eval "$("$lab" --ha "$version" --config "$config" --port "$port" --no-mqtt --fresh start)"
    set +a
    python3 scripts/switch-things.py
    try "$config/home-assistant_v2.db"
    cp "$config/home-assistant_v2.db" "$config/home-assistant_v2.db-wal" "$copy/"
    "$lab" --ha "$version" --config "$config" --port "$port" --no-mqtt stop
    trap - EXIT
    try "$config/home-assistant_v2.db:$copy/home-assistant_v2.db"
    echo "$version: $config/home-assistant_v2.db"
done
