#!/bin/sh
# The export against a real Carbon and graphite-web: an hour of readings, Carbon killed in the middle, every point read back.
set -eu
cd "$(dirname "$0")/.."
WATTRIBUTE_GRAPHITE_VENV="${WATTRIBUTE_GRAPHITE_VENV:-$(scripts/graphite-venv.sh)}"
export WATTRIBUTE_GRAPHITE_VENV
# The whole workspace is built, as for all tests, so that nothing is compiled twice with other features.
exec cargo nextest run --workspace --cargo-profile ci --no-capture -E 'binary(real_graphite)'
