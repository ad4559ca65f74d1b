SITE=learn.example.org                               # its name in DNS leads to this machine
FROM=https://git.example.org/matricula.git           # where the code is

(
set -eu
apt-get update
apt-get install -y --no-install-recommends ca-certificates git nodejs npm openssl postgresql caddy

id matricula > /dev/null 2>&1 || useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin matricula
systemctl enable --now postgresql
runuser -u postgres -- psql -qtc "select 1 from pg_roles where rolname = 'matricula'" | grep -q 1 || {
  runuser -u postgres -- createuser matricula
  runuser -u postgres -- createdb --owner matricula --encoding UTF8 --locale C.UTF-8 --template template0 matricula
}

install -d -m 750 -g matricula /etc/matricula
# Written once: who loses these secrets loses every password and every session.
[ -e /etc/matricula/env ] || (
  umask 027
  cat > /etc/matricula/env << END
NODE_ENV=production
HOST=127.0.0.1
PORT=3000
PUBLIC_URL=https://$SITE
TRUST_PROXY=1
DATABASE_URL=postgres://matricula@localhost/matricula?host=/run/postgresql
APP_SECRETS=$(openssl rand -base64 32)
END
  chgrp matricula /etc/matricula/env
)

install -d /opt/matricula
[ -d /opt/matricula/source ] || git clone --quiet "$FROM" /opt/matricula/source
cd /opt/matricula/source/docs/deploy
install -m 755 release.sh /usr/local/sbin/matricula-release
install -m 755 matricula.sh /usr/local/sbin/matricula
install -m 644 matricula.service /etc/systemd/system/matricula.service
sed "s/learn\.example\.org/$SITE/" Caddyfile > /etc/caddy/Caddyfile
systemctl daemon-reload
systemctl enable matricula
matricula-release
systemctl enable caddy
systemctl restart caddy
matricula doctor
)
