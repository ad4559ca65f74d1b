#!/bin/sh
# Builds a release beside the one that runs, and goes over to it: release.sh [commit, branch or tag].
# To go back, name the one before: it is still there, and works on the newer schema.
set -eu
home=/opt/matricula
git -C "$home/source" fetch --quiet --tags origin
release=$(git -C "$home/source" rev-parse --short "${1:-origin/HEAD}^{commit}")

if [ ! -e "$home/$release" ]; then
  draft=$(mktemp -d "$home/draft.XXXXXX")
  trap 'rm -rf "$draft"' EXIT
  git -C "$home/source" archive "$release" | tar -x -C "$draft"
  (cd "$draft" && npm ci --no-audit --no-fund && npm run build && npm prune --omit=dev --no-audit --no-fund)
  chmod 755 "$draft"
  mv "$draft" "$home/$release"
fi

# While the version before still runs, which works on the newer schema.
cd "$home/$release"
runuser -u matricula -- node --env-file=/etc/matricula/env dist/cli.js migrate
ln -sfn "$release" "$home/next"
mv -T "$home/next" "$home/current"
systemctl restart matricula
# The proxy lets requests wait meanwhile.
for _ in $(seq 60); do
  sleep 1
  if node -e 'fetch("http://127.0.0.1:3000/health/ready").then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))'; then
    echo "$release is ready"
    exit 0
  fi
done
echo "$release is not ready. See: journalctl -u matricula" >&2
exit 1
