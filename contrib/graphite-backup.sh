#!/bin/sh
# Backs up what Graphite keeps of Wattribute: the whisper files below a folder, as one archive a day, of which the newest are kept.
#
#     graphite-backup.sh [-s WHISPER] [-m METRICS] [-d FOLDER] [-k COUNT]
#
#   -s  where whisper files are        /var/lib/graphite/whisper
#       (of docker-compose.yml, as root: "$(docker volume inspect -f '{{.Mountpoint}}' wattribute_graphite-data)/whisper")
#   -m  which of them, as a folder     home/electricity
#   -d  where archives go              /var/backups/graphite
#   -k  how many are kept              14
#
# Each file is copied while Carbon does not write to it, which it says by a lock (WHISPER_LOCK_WRITES = True in carbon.conf; without that a file that is
# just written to may be one point older in one place than in another, which Graphite repairs by itself with the next point). An archive has its name
# only when it is whole and was read back. With cron, at a quarter past three:
#
#     15 3 * * *  graphite  /usr/local/bin/graphite-backup.sh
#
# With `tags` in [graphite] metrics lie in -m _tagged.
#
# To restore: stop Carbon, `tar -xzf graphite-DATE.tar.gz -C /var/lib/graphite/whisper`, give the files to Carbon's user (chown -R _graphite:), start it.
set -eu

whisper=/var/lib/graphite/whisper
metrics=home/electricity
folder=/var/backups/graphite
keep=14

say() {
    printf 'graphite-backup: %s\n' "$*" >&2
}

while getopts s:m:d:k: option; do
    case $option in
        s) whisper=$OPTARG ;;
        m) metrics=$OPTARG ;;
        d) folder=$OPTARG ;;
        k) keep=$OPTARG ;;
        *) say 'usage: graphite-backup.sh [-s WHISPER] [-m METRICS] [-d FOLDER] [-k COUNT]'; exit 2 ;;
    esac
done

case $keep in
    '' | *[!0-9]* | 0) say "-k $keep: how many archives are kept, such as 14"; exit 2 ;;
esac
if [ ! -d "$whisper/$metrics" ]; then
    say "$whisper/$metrics: there are no whisper files; -s says where they are, -m which"
    exit 1
fi

mkdir -p "$folder"
work=$(mktemp -d "$folder/.graphite-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

copy() {
    mkdir -p "$work/all/${1%/*}"
    if command -v flock > /dev/null; then
        flock -s -w 30 "$whisper/$1" cp -p "$whisper/$1" "$work/all/$1"
    else
        cp -p "$whisper/$1" "$work/all/$1"
    fi
}

(cd "$whisper" && find "$metrics" -type f -name '*.wsp') > "$work/files"
while IFS= read -r file; do
    copy "$file"
done < "$work/files"

archive=graphite-$(date +%Y-%m-%dT%H%M%S).tar.gz
tar -czf "$work/$archive" -C "$work/all" "$metrics"
count=$(tar -tzf "$work/$archive" | grep -c '\.wsp$')
if [ "$count" -ne "$(wc -l < "$work/files")" ]; then
    say "$archive has $count files, not all; it is not kept"
    exit 1
fi
mv "$work/$archive" "$folder/$archive"
say "$folder/$archive: $count metrics"

# Names sort by time.
find "$folder" -maxdepth 1 -name 'graphite-*.tar.gz' | sort -r | tail -n +$((keep + 1)) | while IFS= read -r old; do
    rm -f "$old"
    say "$old is older than the newest $keep and was removed"
done
