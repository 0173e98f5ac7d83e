#!/bin/sh
# Installs Wattribute as a service of systemd, on a Raspberry Pi or any other Linux: the binary, a user, a configuration, the service, and `wattribute-service`,
# which runs a command as the service does. Run again it takes in a new binary; what was configured stays.
#
#     sudo contrib/install.sh                     # the binary of this folder: target/ci/wattribute, built by `make build`
#     sudo contrib/install.sh --binary FILE       # another one, such as a cross-built one (`make cross-aarch64`)
#     sudo contrib/install.sh --no-start          # do not enable and start it
#     sudo contrib/install.sh --uninstall         # remove binary and service; data and configuration stay
#     sudo contrib/install.sh --uninstall --purge # these too
#
# DESTDIR puts everything under another root, as packagers want it: no user is made and nothing is started there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
binary=
start=yes
remove=
purge=

bin=$root/usr/local/bin/wattribute
as_service=$root/usr/local/sbin/wattribute-service
unit=$root/etc/systemd/system/wattribute.service
etc=$root/etc/wattribute
data=$root/var/lib/wattribute
docs=$root/usr/local/share/doc/wattribute

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 2
}

usage() {
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
}

# Whether systemd runs here, and not only its files are there.
systemd() {
    [ -z "$root" ] && [ -d /run/systemd/system ]
}

while [ $# -gt 0 ]; do
    case "$1" in
        --binary)
            [ $# -ge 2 ] || fail "--binary needs a file"
            binary=$2
            shift
            ;;
        --binary=*) binary=${1#--binary=} ;;
        --no-start) start= ;;
        --uninstall) remove=yes ;;
        --purge) purge=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) fail "there is no option $1; see --help" ;;
    esac
    shift
done
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || fail "this needs root: sudo $0"
[ -z "$purge" ] || [ -n "$remove" ] || fail "--purge goes with --uninstall"

uninstall() {
    if systemd; then
        systemctl disable --now wattribute.service 2>/dev/null || true
    fi
    rm -f "$bin" "$as_service" "$unit"
    rm -rf "$docs"
    if systemd; then
        systemctl daemon-reload
    fi
    if [ -n "$purge" ]; then
        rm -rf "$data" "$etc"
        if [ -z "$root" ] && getent passwd wattribute >/dev/null; then
            userdel wattribute
        fi
        say "removed, with its data and configuration"
    else
        say "removed; $data and $etc are still there (--purge removes them too)"
    fi
}

# A binary for another kind of processor cannot say its version.
find_binary() {
    if [ -z "$binary" ]; then
        binary=$here/../target/ci/wattribute
        [ -x "$binary" ] || fail "$binary is not there: \`make build\` makes it, or give another with --binary FILE"
    fi
    [ -f "$binary" ] || fail "$binary: there is no such file"
    if [ -z "$root" ]; then
        version=$("$binary" --version) || fail "$binary does not run here ($(uname -m)); is it for another processor?"
    else
        version=$binary
    fi
}

make_user() {
    [ -z "$root" ] || return 0
    getent group wattribute >/dev/null || groupadd --system wattribute
    getent passwd wattribute >/dev/null ||
        useradd --system --gid wattribute --home-dir /var/lib/wattribute --no-create-home --shell /usr/sbin/nologin --comment Wattribute wattribute
}

owned() {
    [ -n "$root" ] || chown "$1" "$2"
}

configure() {
    mkdir -p "$etc" "$data"
    chmod 750 "$etc" "$data"
    owned root:wattribute "$etc"
    owned wattribute:wattribute "$data"
    if [ ! -e "$etc/wattribute.toml" ]; then
        if ! "$binary" config --sample >"$etc/wattribute.toml" 2>/dev/null; then
            [ -n "$root" ] || fail "$binary does not print its configuration"
            cp "$here/../services/app/src/sample.toml" "$etc/wattribute.toml"
        fi
        say "$etc/wattribute.toml: every setting, commented out at its default"
    fi
    if [ ! -e "$etc/environment" ]; then
        cat >"$etc/environment" <<'END'
# What the service is told, and `wattribute-service` with it: NAME=value, one a line; docs/CONFIGURATION.md has all of it.
# After a change: systemctl restart wattribute
#HOME_ASSISTANT_URL=http://homeassistant.local:8123
#HOME_ASSISTANT_TOKEN=
# To be reached from other machines (docs/ACCESS.md):
#WATTRIBUTE__DASHBOARD__LISTEN=0.0.0.0:3000
#WATTRIBUTE__DATA_API__LISTEN=0.0.0.0:8006
END
        say "$etc/environment: put Home Assistant's address and token here"
    fi
    for file in "$etc/wattribute.toml" "$etc/environment"; do
        chmod 640 "$file"
        owned root:wattribute "$file"
    done
}

install_files() {
    # By another name first: a binary that runs cannot be written over, but it can be replaced.
    mkdir -p "$(dirname "$bin")" "$(dirname "$as_service")" "$(dirname "$unit")" "$docs"
    cp "$binary" "$bin.new"
    chmod 755 "$bin.new"
    mv "$bin.new" "$bin"
    cp "$here/systemd/wattribute.service" "$unit"
    chmod 644 "$unit"
    cp "$here/systemd/wattribute-service.sh" "$as_service"
    chmod 755 "$as_service"
    for file in "$here"/../docs/*.md; do
        cp "$file" "$docs/"
    done
}

if [ -n "$remove" ]; then
    uninstall
    exit 0
fi
find_binary
make_user
configure
install_files
say "$bin: $version"
if systemd; then
    systemctl daemon-reload
    if [ -n "$start" ]; then
        systemctl enable --quiet wattribute.service
        systemctl restart wattribute.service
        say "it runs: systemctl status wattribute, journalctl -u wattribute -f; the dashboard is at http://127.0.0.1:3000"
    else
        say "start it: systemctl enable --now wattribute"
    fi
elif [ -z "$root" ]; then
    say "systemd does not run here: start it by hand, or at the next boot after systemctl enable wattribute"
fi
say "from other machines: docs/ACCESS.md; a token: sudo wattribute-service token create --name me --scope write"
