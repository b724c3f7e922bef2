#!/bin/sh
# Puts sample sign-ins through `diagnose` and through `run` on a real Kafka, each alone and in
# mixed envelopes, and compares: the same diagnosis in all four ways, nothing lost, counters agree.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ ! -d "$1" ]; then
  cat >&2 <<'USAGE'
usage: tests/scripts/samples.sh FOLDER [HOST:PORT]

  FOLDER     holds *.ndjson files, each line {"source": "…", "format": "…", "event": {…}}
  HOST:PORT  a running broker that lets topics be created; without it Apache Kafka is started
USAGE
  exit 2
fi

SIGNIN_DIAGNOSTICS_SAMPLES=$(cd "$1" && pwd)
export SIGNIN_DIAGNOSTICS_SAMPLES
if [ $# -eq 2 ]; then
  export SIGNIN_DIAGNOSTICS_TEST_BROKER="$2"
fi

cd "$(dirname "$0")/../.."
cargo test --test broker -- --exact samples::a_sign_in_has_one_diagnosis_whichever_way_it_comes
