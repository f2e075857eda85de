#!/bin/sh
# Make one cluster of new servers, a replica for each master, unless they are one: create-cluster.sh HOST:PORT ...
# CLUSTER_PASSWORD is the one that the servers were started with. Redis wants addresses here, not names.
set -eu
export REDISCLI_AUTH="$CLUSTER_PASSWORD"
first=$1
if redis-cli --user cluster --no-auth-warning -h "${first%:*}" -p "${first##*:}" cluster info | grep -q '^cluster_state:ok'
then
    echo "They are a cluster already."
    exit 0
fi
redis-cli --user cluster --no-auth-warning --cluster create "$@" --cluster-replicas 1 --cluster-yes
