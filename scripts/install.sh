# What the scripts beside this one have in common; to be read by them.
# shellcheck shell=sh

fail() {
    echo "error: $1" >&2
    echo "hint: $2" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Who needs npm or pip says in $1 what for.
ensure_npm() {
    command -v npm >/dev/null 2>&1 && return 0
    echo "installing npm" >&2
    if command -v apt-get >/dev/null 2>&1; then
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null
    elif command -v dnf >/dev/null 2>&1; then
        as_root dnf install -y -q nodejs npm
    elif command -v brew >/dev/null 2>&1; then
        brew install --quiet node
    fi
    command -v npm >/dev/null 2>&1 || fail "no npm, which $1 come with" 'install nodejs and npm'
}

ensure_pip() {
    python3 -m pip --version >/dev/null 2>&1 && return 0
    echo "installing pip" >&2
    if command -v apt-get >/dev/null 2>&1; then
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-pip >/dev/null
    elif command -v dnf >/dev/null 2>&1; then
        as_root dnf install -y -q python3-pip
    elif command -v brew >/dev/null 2>&1; then
        brew install --quiet python
    fi
    python3 -m pip --version >/dev/null 2>&1 || fail "no pip, which $1 comes with" 'install python3 and its pip'
}
