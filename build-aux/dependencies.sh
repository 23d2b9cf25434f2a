#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what is missing of the Debian packages that Chatterbox needs.
#
# usage: dependencies.sh [run | check | long]
#   run    to build and run it (default)
#   check  to test it, too
#   long   for the long tests, too
set -eu

packages="gcc libc6-dev meson ninja-build pkg-config gettext \
libglib2.0-dev libjson-glib-dev libgnutls28-dev libsqlite3-dev libicu-dev \
glib-networking gnutls-bin"
check_packages="clang libclang-rt-14-dev llvm python3 uncrustify python3-docutils \
gobject-introspection libgirepository1.0-dev ca-certificates man-db"
long_packages="valgrind"

case "${1:-run}" in
run) ;;
check) packages="$packages $check_packages" ;;
long) packages="$packages $check_packages $long_packages" ;;
*)
    echo "usage: $0 [run | check | long]" >&2
    exit 2
    ;;
esac

missing=
for package in $packages; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root="sudo"
else
    echo "Missing packages, and no right to install them:$missing" >&2
    exit 1
fi

echo "Installing:$missing" >&2
# shellcheck disable=SC2086
{
    $as_root apt-get -q update >&2 &&
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -q -y --no-install-recommends install $missing >&2
} || {
    echo "These packages could not be installed:$missing" >&2
    exit 1
}
