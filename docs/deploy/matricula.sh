#!/bin/sh
# The operator's commands, with the settings of the service and as its user: matricula doctor
cd /opt/matricula/current
exec runuser -u matricula -- node --env-file=/etc/matricula/env dist/cli.js "$@"
