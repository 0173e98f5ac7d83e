#!/bin/sh
# contrib/install.sh under another root: what it puts there, that a second run keeps what the owner changed, that `wattribute-service` runs a command as the service
# does, and that uninstalling leaves data until told otherwise.
# shellcheck disable=SC1003,SC2016  # backslashes and $ are to be taken as they stand
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
case "$1" in
    config) echo '#data_dir = "./data"' ;;
    said) shift && pwd && printf '<%s>\n' "$@" && env ;;
    *) echo 'wattribute 9.9.9' ;;
esac
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

# A command as the service: told what the service is told, in its folder, and nothing of the caller's.
as_service() {
    INFLUXDB_URL=http://192.168.1.6:8086 WATTRIBUTE__DATA_DIR=/elsewhere "$root/usr/local/sbin/wattribute-service" said 'two words' >"$root/said" 2>&1
}

told() {
    grep -qxF "$1" "$root/said" || fail "wattribute-service does not tell the binary $1: $(cat "$root/said")"
}

cat >"$root/etc/wattribute/environment" <<'END'
# comment
; comment
HOME_ASSISTANT_URL=http://192.168.1.5:8123
  WATTRIBUTE__STORE__URL = "sqlite:/mnt/disk/a b.db"  
WATTRIBUTE__MQTT__PASSWORD='it is "$HOME" #1'
WATTRIBUTE__HOME__NAME=a "b" c #2
EMPTY=
END
printf 'LAST=7\r' >>"$root/etc/wattribute/environment"
as_service || fail "wattribute-service failed: $(cat "$root/said")"
told "$root/var/lib/wattribute"
told '<two words>'
told 'HOME_ASSISTANT_URL=http://192.168.1.5:8123'
told 'WATTRIBUTE__STORE__URL=sqlite:/mnt/disk/a b.db'
told 'WATTRIBUTE__MQTT__PASSWORD=it is "$HOME" #1'
told 'WATTRIBUTE__HOME__NAME=a "b" c #2'
told 'EMPTY='
told 'LAST=7'
if grep -q INFLUXDB_URL "$root/said"; then fail "wattribute-service tells the binary what the caller's shell has"; fi
# What the unit says, and no other variable of ours.
sed -n "s|^Environment=\([A-Z_]*\)=/|\1=$root/|p" contrib/systemd/wattribute.service >"$root/unit"
[ "$(wc -l <"$root/unit")" -eq 2 ] || fail "the service has other variables than this test knows"
while IFS= read -r line; do told "$line"; done <"$root/unit"
for line in 'export A=1' 'no' '=1' '9A=secret' 'A="secret' 'A="b" "secret"' 'A=secret\'; do
    printf 'OK=1\n%s\n' "$line" >"$root/etc/wattribute/environment"
    if as_service; then fail "wattribute-service took the line $line"; fi
    grep -q 'etc/wattribute/environment:2: ' "$root/said" || fail "wattribute-service does not say which line: $(cat "$root/said")"
    if grep -q secret "$root/said"; then fail "wattribute-service repeats a value that may be a secret"; fi
done
rm "$root/etc/wattribute/environment"
as_service || fail "wattribute-service needs a file that the service does not need: $(cat "$root/said")"

contrib/install.sh --uninstall >"$root/said"
gone "$root/usr/local/bin/wattribute" "$root/usr/local/sbin/wattribute-service" "$root/etc/systemd/system/wattribute.service"
[ -e "$root/var/lib/wattribute/wattribute.db" ] || fail "data were removed without --purge"
contrib/install.sh --uninstall --purge >"$root/said"
gone "$root/var/lib/wattribute" "$root/etc/wattribute"

contrib/install.sh --purge >"$root/said" 2>&1 && fail "--purge alone was taken"
contrib/install.sh --binary "$root/nothing" >"$root/said" 2>&1 && fail "a binary that is not there was taken"
grep -q 'there is no such file' "$root/said" || fail "it does not say what is missing"
echo "install.sh: installed, kept, run as the service, removed"
