#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a certificate authority and a certificate for this machine, to try
# Chatterbox out. What is there already is kept.
#
# usage: make-certs.sh DIR
#   DIR/ca.pem          what clients trust
#   DIR/server.pem      the server's certificate, for localhost
#   DIR/server-key.pem  its key
set -eu

[ $# -eq 1 ] || {
    echo "usage: $0 DIR" >&2
    exit 2
}
dir=$1
umask 077
mkdir -p "$dir"
[ -s "$dir/ca.pem" ] && [ -s "$dir/server.pem" ] && [ -s "$dir/server-key.pem" ] && exit 0

work=$(mktemp -d "$dir/new.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

cat >"$work/ca.cfg" <<END
cn = "Chatterbox authority of this machine"
ca
cert_signing_key
expiration_days = 3650
END
cat >"$work/server.cfg" <<END
cn = "localhost"
dns_name = "localhost"
ip_address = "127.0.0.1"
ip_address = "::1"
tls_www_server
signing_key
expiration_days = 3650
END

quietly() {
    certtool "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 1
    }
}
quietly --generate-privkey --key-type=ecdsa --curve=secp256r1 --outfile="$work/ca-key.pem"
quietly --generate-self-signed --load-privkey="$work/ca-key.pem" \
    --template="$work/ca.cfg" --outfile="$work/ca.pem"
quietly --generate-privkey --key-type=ecdsa --curve=secp256r1 --outfile="$work/server-key.pem"
quietly --generate-certificate --load-privkey="$work/server-key.pem" \
    --load-ca-certificate="$work/ca.pem" --load-ca-privkey="$work/ca-key.pem" \
    --template="$work/server.cfg" --outfile="$work/server.pem"

# The authority's key is not kept: nothing else can be signed in its name.
mv "$work/server-key.pem" "$work/server.pem" "$work/ca.pem" "$dir/"
