#!/bin/sh
# The password goes into a file that only Redis reads: on a command line every process of the pod could see it.
set -eu
umask 077
# A line end behind the password, as many a file has one, is none of it; $() takes away the rest of it.
quoted=$(printf %s "$REDIS_PASSWORD" | sed -e 's/\r$//' -e 's/[\\"]/\\&/g')
{
  echo 'include /etc/redis/conf/redis.conf'
  printf 'requirepass "%s"\n' "$quoted"
} >/tmp/redis.conf
unset REDIS_PASSWORD REDISCLI_AUTH
exec redis-server /tmp/redis.conf
