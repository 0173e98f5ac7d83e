#!/bin/sh
# Builds the binary for an architecture into a folder, without the names of its functions, and beside it the empty folder of data.
#
#     contrib/docker/build.sh [ARCH] FOLDER        amd64 or arm64; this machine's where it is empty
#
# CARGO_TARGET_DIR names another folder to build in, WATTRIBUTE_CARGO_ARGS what else is built (default: the binary alone).
set -eu
arch=$1 out=$2
# shellcheck source-path=SCRIPTDIR source=target.sh
. "$(dirname "$0")/target.sh"
cd "$(dirname "$0")/../.."
[ -e dashboard/dist/index.html ] || echo "the dashboard is not built (make dashboard): the binary will say so on its pages" >&2

built=${CARGO_TARGET_DIR:-target}
set --
if [ "$arch" = "$native" ]; then
    strip='strip'
else
    strip=$gnu-strip
    built=$built/$target
    name=$(echo "$target" | tr '[:lower:]-' '[:upper:]_')
    set -- --target "$target"
    export "CARGO_TARGET_${name}_LINKER=$gnu-gcc" "CC_$(echo "$target" | tr - _)=$gnu-gcc" "AR_$(echo "$target" | tr - _)=$gnu-ar"
fi
# shellcheck disable=SC2086  # several words are meant
cargo build --locked --profile ci "$@" ${WATTRIBUTE_CARGO_ARGS:---package wattribute-app --bin wattribute}

mkdir -p "$out/data"
cp "$built/ci/wattribute" "$out/wattribute"
command -v "$strip" >/dev/null && "$strip" "$out/wattribute"
ls -l "$out/wattribute"
