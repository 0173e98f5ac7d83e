#!/bin/sh
# The dashboard in a real browser, against the real binary: one run of it per worker, on free ports, in a folder of its own.
#
#     scripts/e2e.sh [PLAYWRIGHT-PROJECT [ARGS...]]        (default: the tests)
set -eu
cd "$(dirname "$0")/.."
case "${WATTRIBUTE_BIN:-}" in
    "") WATTRIBUTE_BIN="$PWD/target/ci/wattribute" ;;
    /*) ;;
    *) WATTRIBUTE_BIN="$PWD/$WATTRIBUTE_BIN" ;;
esac
export WATTRIBUTE_BIN PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
CHROMIUM="${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}"
if [ -z "$CHROMIUM" ]; then
    echo "SKIPPED: there is no Chromium (Debian: apt install chromium; or say CHROMIUM=/path)"
    exit 0
fi
export CHROMIUM
for name in WATTRIBUTE_SCREENSHOTS WATTRIBUTE_YEAR; do
    eval "said=\${$name:-}"
    case "$said" in "" | /*) ;; *) export "$name=$PWD/$said" ;; esac
done
project="${1:-tests}"
[ $# -eq 0 ] || shift
cd dashboard
exec npx playwright test --project="$project" "$@"
