#!/usr/bin/env bash
# Fetches the C mptcpd of Debian 12 for test/parity and unpacks it: nothing is installed.
# Usage: get-c-mptcpd.sh [DIR]
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$(realpath -m "${1:-node_modules/.cache/c-mptcpd}")

# What the table of differences was held against: another version may differ otherwise.
version=0.12-1

if [ -e "$dir/complete" ] && [ "$(cat "$dir/complete")" = "$version" ]; then
  exit 0
fi
rm -rf "$dir"
mkdir -p "$dir/packages"
cd "$dir/packages"
sandbox=()
[ "$(id -u)" = 0 ] && sandbox=(-o APT::Sandbox::User=root)
if ! apt-get "${sandbox[@]}" -qq download mptcpd=$version mptcpd-plugins=$version libmptcpd3=$version libell0; then
  echo "get-c-mptcpd.sh: this machine's apt has no mptcpd $version: it takes Debian 12, and apt-get update first" >&2
  exit 1
fi
for package in *.deb; do dpkg -x "$package" "$dir"; done
echo $version > "$dir/complete"
