#!/bin/sh
# What `build.sh ARCH` needs on Debian beside Rust and a C compiler: for another architecture its C compiler, its libc and Rust's standard library for it.
#
#     contrib/docker/toolchain.sh [ARCH]        amd64 or arm64; this machine's where it is left out
set -eu
arch=${1:-}
# shellcheck source-path=SCRIPTDIR source=target.sh
. "$(dirname "$0")/target.sh"

install() {
    root=
    [ "$(id -u)" -eq 0 ] || root="sudo -n"
    $root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends "$@"
}

if [ "$arch" = "$native" ]; then
    command -v cc >/dev/null || install gcc libc6-dev
else
    if ! command -v "$gnu-gcc" >/dev/null || ! [ -e "/usr/$gnu/lib/libc.so.6" ]; then
        install "gcc-$package" "libc6-dev-$arch-cross"
    fi
    rustup target add "$target"
fi
