#!/bin/sh
# What an architecture is called: by Docker (and Debian), by Rust, and in the names of Debian's cross compilers. To be sourced with `arch` set; empty: this machine's.
# shellcheck disable=SC2034  # who sources it uses them

machine=$(uname -m)
case "$machine" in
    x86_64) native=amd64 ;;
    aarch64 | arm64) native=arm64 ;;
    *) native=$machine ;;
esac
arch=${arch:-$native}
case "$arch" in
    amd64) target=x86_64-unknown-linux-gnu gnu=x86_64-linux-gnu package=x86-64-linux-gnu ;;
    arm64) target=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu package=aarch64-linux-gnu ;;
    *)
        echo "$arch: this architecture is not built; there are amd64 and arm64" >&2
        exit 2
        ;;
esac
