#!/bin/sh
# The password goes into a file that only Redis reads: on a command line every process of the pod could see it.
set -eu
umask 077
# A line end behind the password, as many a file has one, is none of it; $() takes away the rest of it.
password=$(printf %s "$REDIS_PASSWORD" | sed -e 's/\r$//')
{
  echo 'include /etc/redis/conf/redis.conf'
  if [ "$password" = "$REDIS_PASSWORD" ]; then
    printf 'requirepass "%s"\n' "$(printf %s "$password" | sed -e 's/[\\"]/\\&/g')"
  else
    # KEDA sends what stands in the Secret, line end included, so both open it.
    hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
    echo "user default on ~* &* +@all #$(hash "$password") #$(hash "$REDIS_PASSWORD")"
  fi
} >/tmp/redis.conf
unset REDIS_PASSWORD REDISCLI_AUTH
exec redis-server /tmp/redis.conf
