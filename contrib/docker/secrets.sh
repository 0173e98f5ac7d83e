#!/bin/sh
# Makes the secrets that docker-compose.yml can use, random, a file each, and says in .env where they are. What is there already stays as it is.
#
#     contrib/docker/secrets.sh [FOLDER]                          default ./secrets
#     contrib/docker/secrets.sh --with mosquitto,grafana [FOLDER]
#
# --with names the profiles that are to run, and says so in .env (COMPOSE_PROFILES), together with what makes our services use them, which a profile
# cannot do: MQTT_URL and GRAPHITE_ADDRESS, where none is set. InfluxDB is a store or a mirror of one, so its address is left to you.
#
# The folder is closed to others; the files in it can be read by the users that containers run as, which are nobody on this machine.
set -eu
cd "$(dirname "$0")/../.."
folder=secrets
profiles=
env=.env

while [ $# -gt 0 ]; do
    case "$1" in
        --with)
            [ $# -ge 2 ] || { echo "secrets.sh: --with needs profiles, such as mosquitto,grafana" >&2 && exit 2; }
            profiles=$2
            shift
            ;;
        -*) echo "secrets.sh: there is no option $1; there is --with PROFILES" >&2 && exit 2 ;;
        *) folder=$1 ;;
    esac
    shift
done
for profile in $(echo "$profiles" | tr ',' ' '); do
    case "$profile" in
        influxdb | mosquitto | grafana) ;;
        *) echo "secrets.sh: there is no profile $profile; there are influxdb, mosquitto and grafana" >&2 && exit 2 ;;
    esac
done

random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

# set_to NAME VALUE: the line of .env, taken out of its comment or added.
set_to() {
    if grep -q "^#* *$1=" "$env"; then
        sed -i "s|^#* *$1=.*|$1=$2|" "$env"
    else
        echo "$1=$2" >>"$env"
    fi
}

# set_if_empty NAME VALUE: what the owner has set stays.
set_if_empty() {
    if ! grep -q "^ *$1=[^ ]" "$env"; then
        set_to "$1" "$2"
    fi
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
    case "$folder" in
        /*) path=$file ;;
        *) path=./$file ;;
    esac
    set_to "$(echo "$name" | tr '[:lower:]' '[:upper:]')_FILE" "$path"
done
# Until it has one of its own, Grafana asks with ours.
sed -i "s|^#GRAFANA_API_TOKEN_FILE=.*|GRAFANA_API_TOKEN_FILE=${path%/*}/wattribute_tokens|" "$env"

[ -z "$profiles" ] || set_to COMPOSE_PROFILES "$profiles"
case ",$profiles," in *,mosquitto,*) set_if_empty MQTT_URL mqtt://wattribute@mosquitto:1883 ;; esac
case ",$profiles," in *,grafana,*) set_if_empty GRAPHITE_ADDRESS graphite:2003 ;; esac
echo "$env names them"
