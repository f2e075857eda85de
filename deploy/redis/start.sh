#!/bin/sh
# Fill the passwords of the environment into users.conf, and start Redis: start.sh FOLDER-OF-THIS RUN-FOLDER [OPTION ...]
# The filled-in file lies in memory (RUN-FOLDER is a tmpfs) and is readable by this user only.
# With CLUSTER_PASSWORD it is a server of a cluster: cluster.conf, and then create-cluster.sh.
set -eu
here=$1
run=$2
shift 2
for name in SERVICE_PASSWORD READER_PASSWORD OPERATOR_PASSWORD ${CLUSTER_PASSWORD:+CLUSTER_PASSWORD}; do
    eval "value=\${$name:-}"
    case $value in
        "" | *[!A-Za-z0-9_-]*)
            echo "$name: letters, digits, _ and - only, and not empty" >&2
            exit 2
            ;;
    esac
done
umask 077
sed -e "s/@SERVICE_PASSWORD@/$SERVICE_PASSWORD/" \
    -e "s/@READER_PASSWORD@/$READER_PASSWORD/" \
    -e "s/@OPERATOR_PASSWORD@/$OPERATOR_PASSWORD/" \
    "$here/users.conf" >"$run/users.conf"
sed -e "s|/run/dispatcher/|$run/|" "$here/redis.conf" >"$run/redis.conf"
if [ -n "${CLUSTER_PASSWORD:-}" ]; then
    sed -e "s/@CLUSTER_PASSWORD@/$CLUSTER_PASSWORD/" "$here/cluster.conf" >>"$run/redis.conf"
fi
unset SERVICE_PASSWORD READER_PASSWORD OPERATOR_PASSWORD CLUSTER_PASSWORD REDISCLI_AUTH
exec redis-server "$run/redis.conf" "$@"
