#!/bin/sh
# contrib/install.sh under another root: what it puts there, that a second run keeps what the owner changed, and that uninstalling leaves data until told otherwise.
set -eu
cd "$(dirname "$0")/.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
export DESTDIR="$root"

fail() {
    echo "test-install.sh: $1" >&2
    exit 1
}

gone() {
    for path; do
        [ ! -e "$path" ] || fail "$path is still there"
    done
}

cat >"$root/built" <<'END'
#!/bin/sh
[ "$1" = config ] && echo '#data_dir = "./data"' || echo 'wattribute 9.9.9'
END
chmod +x "$root/built"
install_it() {
    contrib/install.sh --binary "$root/built" >"$root/said" || fail "it failed: $(cat "$root/said")"
}

install_it
[ -x "$root/usr/local/bin/wattribute" ] || fail "no binary"
cmp -s contrib/systemd/wattribute.service "$root/etc/systemd/system/wattribute.service" || fail "no service"
[ "$(stat -c %a "$root/etc/wattribute/environment")" = 640 ] || fail "the file with the token can be read by everybody"
[ "$(stat -c %a "$root/var/lib/wattribute")" = 750 ] || fail "the folder of data can be read by everybody"
grep -q data_dir "$root/etc/wattribute/wattribute.toml" || fail "no configuration"

echo 'HOME_ASSISTANT_URL=http://192.168.1.5:8123' >"$root/etc/wattribute/environment"
echo '# mine' >"$root/etc/wattribute/wattribute.toml"
touch "$root/var/lib/wattribute/wattribute.db"
echo '# newer' >>"$root/built"
install_it
grep -q newer "$root/usr/local/bin/wattribute" || fail "the new binary was not taken"
grep -q 192.168.1.5 "$root/etc/wattribute/environment" || fail "the environment was written over"
grep -q mine "$root/etc/wattribute/wattribute.toml" || fail "the configuration was written over"

contrib/install.sh --uninstall >"$root/said"
gone "$root/usr/local/bin/wattribute" "$root/etc/systemd/system/wattribute.service"
[ -e "$root/var/lib/wattribute/wattribute.db" ] || fail "data were removed without --purge"
contrib/install.sh --uninstall --purge >"$root/said"
gone "$root/var/lib/wattribute" "$root/etc/wattribute"

contrib/install.sh --purge >"$root/said" 2>&1 && fail "--purge alone was taken"
contrib/install.sh --binary "$root/nothing" >"$root/said" 2>&1 && fail "a binary that is not there was taken"
grep -q 'there is no such file' "$root/said" || fail "it does not say what is missing"
echo "install.sh: installed, kept, removed"
