#!/bin/sh
# Makes the secrets that docker-compose.yml can use, random, a file each, and says in .env where they are. What is there already stays as it is.
#
#     contrib/docker/secrets.sh [FOLDER]        default ./secrets
#
# The folder is closed to others; the files in it can be read by the users that containers run as, which are nobody on this machine.
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-secrets}
env=.env

random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

mkdir -p "$folder"
chmod 700 "$folder"
[ -e "$env" ] || { umask 077 && cp .env.example "$env"; }

for name in wattribute_tokens influxdb_token influxdb_password mqtt_password grafana_password home_assistant_token; do
    file=$folder/$name
    if [ ! -e "$file" ]; then
        if [ "$name" = home_assistant_token ]; then
            : >"$file"
            echo "$file: put a long-lived access token of Home Assistant in it (your profile, Security)"
        else
            random >"$file"
            echo "$file: made"
        fi
    fi
    chmod 444 "$file"
    [ "$name" != home_assistant_token ] || chmod 644 "$file"
    variable=$(echo "$name" | tr '[:lower:]' '[:upper:]')_FILE
    case "$folder" in
        /*) path=$file ;;
        *) path=./$file ;;
    esac
    if grep -q "^#* *$variable=" "$env"; then
        sed -i "s|^#* *$variable=.*|$variable=$path|" "$env"
    else
        echo "$variable=$path" >>"$env"
    fi
done
# Until it has one of its own, Grafana asks with ours.
sed -i "s|^#GRAFANA_API_TOKEN_FILE=.*|GRAFANA_API_TOKEN_FILE=${path%/*}/wattribute_tokens|" "$env"
echo "$env names them"
