#!/bin/sh
# Runs a command as the service runs: as its user, in its folder, with its configuration and what /etc/wattribute/environment says, and nothing of yours. So it
# speaks of the service's store, whatever that is, and what it writes is the service's. install.sh puts it into /usr/local/sbin, without `.sh`.
#
#     sudo wattribute-service backup /var/lib/wattribute/backup.db
#     sudo wattribute-service token create --name me --scope write
#     sudo wattribute-service check
#
# Files are named by their whole paths (others are looked for in /var/lib/wattribute), in a folder that the user `wattribute` can read or write.
# Variables of `systemctl edit wattribute` are not known here: put them into /etc/wattribute/environment. DESTDIR is as install.sh has it.
set -eu
root=${DESTDIR:-}
bin=$root/usr/local/bin/wattribute
environment=$root/etc/wattribute/environment
data=$root/var/lib/wattribute

fail() {
    printf 'wattribute-service: %s\n' "$*" >&2
    exit 2
}

# trimmed TEXT: without the blanks at its ends, as $text.
trimmed() {
    text=${1#"${1%%[![:space:]]*}"}
    text=${text%"${text##*[![:space:]]}"}
}

# told LINE NUMBER: takes in a line as systemd reads it; what is not surely read the same is refused, since another store may be meant.
told() {
    trimmed "$1"
    case "$text" in
        '' | '#'* | ';'*) return ;;
        *=*) ;;
        *) fail "$environment:$2: this is to be NAME=value" ;;
    esac
    line=$text
    trimmed "${line%%=*}"
    name=$text
    case "$name" in '' | [0-9]* | *[!A-Za-z0-9_]*) fail "$environment:$2: this is to be NAME=value, with letters, digits and _ in the name" ;; esac
    trimmed "${line#*=}"
    value=$text
    case "$value" in
        *\\*) fail "$environment:$2: $name has a backslash, which is not read here; write it without" ;;
        \"*\"*\" | \'*\'*\') fail "$environment:$2: $name has quotes within its quotes; take the other kind around it" ;;
        \"*\" | \'*\') value=${value#?} value=${value%?} ;;
        \"* | \'*) fail "$environment:$2: the quotes of $name are to end with its line" ;;
    esac
    export "$name=$value"
}

[ $# -gt 0 ] || fail "which command? Such as: sudo wattribute-service check"
command=$1
set -- "$bin" "$@"
if [ -z "$root" ] && [ "$(id -u)" -eq 0 ]; then
    set -- "$(command -v runuser || echo /usr/sbin/runuser)" -u wattribute -- "$@"
elif [ -z "$root" ] && [ "$(id -un)" != wattribute ]; then
    fail "this needs root: sudo wattribute-service $command …"
fi
cd "$data" || fail "$data is not there; sudo contrib/install.sh makes it"
umask 0027

# Only what the service has is to be said; what the caller's shell has may name another store.
for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
    case "$name" in
        PATH | TERM | LANG | LC_* | NO_COLOR | RUST_LOG) ;;
        *) unset "$name" ;;
    esac
done
# As in wattribute.service.
export WATTRIBUTE_CONFIG="$root/etc/wattribute/wattribute.toml" WATTRIBUTE__DATA_DIR="$data" HOME="$data"
if [ -e "$environment" ]; then
    number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        told "$line" "$number"
    done <"$environment"
fi
exec "$@"
