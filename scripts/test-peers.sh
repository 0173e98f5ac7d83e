#!/bin/sh
# Adapters against what we did not write: clients of devices and clouds from PyPI that read what our tests emulate, and a real Mosquitto, with TLS.
# The clients are kept in the user's cache.
set -eu
cd "$(dirname "$0")/.."
venv="${XDG_CACHE_HOME:-$HOME/.cache}/wattribute/peers"

if ! cmp -s scripts/peers.txt "$venv/installed.txt"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/peers.txt
    cp scripts/peers.txt "$venv/installed.txt"
fi

export WATTRIBUTE_PEERS_PYTHON="$venv/bin/python"
# Left out: one that needs a file of tinytuya's repository which is not in its package, and the measurement of 200 devices.
exec cargo nextest run --workspace --cargo-profile ci --no-capture -E 'package(wattribute-meter)
    & (binary(adapters) | test(/aioshelly|aiohttp|another_websocket|tinytuya|python_kasa|pyemvue|sense_energy|shared_answers/))
    - test(we_read_the_fake_device_of_tinytuya) - test(many_devices_are_each_read_in_time)'
