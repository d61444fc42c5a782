{{/* Where Postgres and Redis are, which Secret opens them, and the environment made of it. */}}

{{/* Names of Secrets; each takes the root. */}}
{{- define "corral.ownSecret" -}}{{ include "corral.fullname" . }}-credentials{{- end -}}
{{- define "corral.databaseSecret" -}}
{{- .Values.postgres.auth.existingSecret | default .Values.existingSecret | default (include "corral.ownSecret" .) -}}
{{- end -}}
{{- define "corral.redisSecret" -}}
{{- .Values.redis.auth.existingSecret | default .Values.existingSecret | default (include "corral.ownSecret" .) -}}
{{- end -}}
{{- define "corral.adminSecret" -}}
{{- .Values.admin.existingSecret | default .Values.existingSecret | default (include "corral.ownSecret" .) -}}
{{- end -}}

{{/* Which Secret and key hold the CA; nothing where none is needed. Each takes the root. */}}
{{- define "corral.databaseCa" -}}
{{- $v := .Values.postgres -}}
{{- if and $v.enabled $v.tls.enabled -}}
{secret: {{ $v.tls.secret | quote }}, key: ca.crt}
{{- else if and (not $v.enabled) $v.external.tls.caSecret -}}
{secret: {{ $v.external.tls.caSecret | quote }}, key: {{ $v.external.tls.caKey | quote }}}
{{- end -}}
{{- end -}}
{{- define "corral.redisCa" -}}
{{- $v := .Values.redis -}}
{{- if and $v.enabled $v.tls.enabled -}}
{secret: {{ $v.tls.secret | quote }}, key: ca.crt}
{{- else if and (not $v.enabled) $v.external.tls.caSecret -}}
{secret: {{ $v.external.tls.caSecret | quote }}, key: {{ $v.external.tls.caKey | quote }}}
{{- end -}}
{{- end -}}

{{/* An address with further parameters behind it. Takes url, parameters (list). */}}
{{- define "corral.withParameters" -}}
{{- if .parameters -}}
{{- printf "%s%s%s" .url (ternary "&" "?" (contains "?" .url)) (join "&" .parameters) -}}
{{- else -}}
{{- .url -}}
{{- end -}}
{{- end -}}

{{/* A text as a part of an address, where a space is no plus sign as it would be in a query. Takes the text. */}}
{{- define "corral.inUrl" -}}
{{- urlquery . | replace "+" "%20" -}}
{{- end -}}

{{/* The database's address without a password. Takes root; direct (true: without the pooler). */}}
{{- define "corral.databaseUrl" -}}
{{- $v := .root.Values.postgres -}}
{{- $parameters := list -}}
{{- if $v.enabled -}}
{{- if $v.tls.enabled -}}{{- $parameters = list "sslmode=verify-full" "sslrootcert=/etc/corral/database-ca/ca.crt" -}}{{- end -}}
{{- include "corral.withParameters" (dict "url" (printf "postgresql://corral@%s-postgres:5432/corral" (include "corral.fullname" .root)) "parameters" $parameters) -}}
{{- else -}}
{{- $e := $v.external -}}
{{- with $e.tls.mode -}}{{- $parameters = append $parameters (printf "sslmode=%s" .) -}}{{- end -}}
{{- if $e.tls.caSecret -}}{{- $parameters = append $parameters "sslrootcert=/etc/corral/database-ca/ca.crt" -}}{{- end -}}
{{- $url := ternary $e.directUrl $e.url (default false .direct) -}}
{{- if not $url -}}
{{- $host := ternary $e.directHost $e.host (default false .direct) -}}
{{- $port := ternary $e.directPort $e.port (default false .direct) -}}
{{- $url = printf "postgresql://%s@%s/%s" (include "corral.inUrl" $e.user) (include "corral.hostsWithPorts" (dict "hosts" $host "port" $port)) (include "corral.inUrl" $e.database) -}}
{{- end -}}
{{- include "corral.withParameters" (dict "url" $url "parameters" $parameters) -}}
{{- end -}}
{{- end -}}

{{- define "corral.redisUrl" -}}
{{- $v := .root.Values.redis -}}
{{- $parameters := list -}}
{{- if include "corral.redisCa" .root -}}{{- $parameters = list "ssl_ca_certs=/etc/corral/redis-ca/ca.crt" -}}{{- end -}}
{{- $url := $v.external.url -}}
{{- if $v.enabled -}}
{{- $url = printf "%s://%s-redis:6379/0" (ternary "rediss" "redis" $v.tls.enabled) (include "corral.fullname" .root) -}}
{{- else if not $url -}}
{{- $e := $v.external -}}
{{- $account := ternary (printf "%s@" (include "corral.inUrl" $e.user)) "" (ne $e.user "") -}}
{{- $url = printf "%s://%s%s/%d" (ternary "rediss" "redis" $e.tls.enabled) $account (include "corral.hostsWithPorts" (dict "hosts" $e.host "port" $e.port)) (int $e.database) -}}
{{- end -}}
{{- include "corral.withParameters" (dict "url" $url "parameters" $parameters) -}}
{{- end -}}

{{/* Environment entries for the database. Takes root. */}}
{{- define "corral.databaseEnv" -}}
{{- $v := .root.Values.postgres -}}
{{- $secret := include "corral.databaseSecret" .root -}}
{{- if and (not $v.enabled) $v.external.urlKey }}
- name: CORRAL_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $v.external.urlKey | quote }}}}
{{- else }}
- name: CORRAL_DATABASE_URL
  value: {{ include "corral.databaseUrl" . | quote }}
{{- end }}
{{- if and (not $v.enabled) $v.external.directUrlKey }}
- name: CORRAL_DATABASE_DIRECT_URL
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $v.external.directUrlKey | quote }}}}
{{- else if and (not $v.enabled) (or $v.external.directUrl $v.external.directHost) }}
- name: CORRAL_DATABASE_DIRECT_URL
  value: {{ include "corral.databaseUrl" (mustMerge (dict "direct" true) .) | quote }}
{{- end }}
{{- if or $v.enabled (not $v.external.urlKey) }}
- name: CORRAL_DATABASE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $v.auth.passwordKey | quote }}}}
{{- end }}
{{- end -}}

{{- define "corral.redisEnv" -}}
{{- $v := .root.Values.redis -}}
{{- $secret := include "corral.redisSecret" .root -}}
{{- if and (not $v.enabled) $v.external.urlKey }}
- name: CORRAL_REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $v.external.urlKey | quote }}}}
{{- else }}
- name: CORRAL_REDIS_URL
  value: {{ include "corral.redisUrl" . | quote }}
{{- end }}
{{- if and $v.auth.passwordKey (or $v.enabled (not $v.external.urlKey)) }}
- name: CORRAL_REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $v.auth.passwordKey | quote }}}}
{{- end }}
{{- end -}}

{{/* CORRAL_ settings as entries, the later map first asked. Takes maps (list). */}}
{{- define "corral.settings" -}}
{{- $all := dict -}}
{{- range .maps }}{{- $all = mustMergeOverwrite $all (default (dict) .) }}{{- end -}}
{{- range $name, $value := $all }}
- name: {{ $name | quote }}
  value: {{ include "corral.text" $value | quote }}
{{- end }}
{{- end -}}

{{/*
One entry per name, the last one given: what the values add replaces what the chart says, and Helm 4 refuses names that
stand there twice. Since $(NAME) finds only what stands before it, an entry that speaks of another stands behind that one,
wherever the two were given. Takes entries (YAML), more (list).
*/}}
{{- define "corral.env" -}}
{{- $given := concat (fromYamlArray .entries) (default (list) .more) -}}
{{- $seen := dict -}}
{{- $env := list -}}
{{- range reverse $given -}}
{{- if not (hasKey $seen .name) -}}
{{- $env = prepend $env . -}}
{{- $_ := set $seen .name true -}}
{{- end -}}
{{- end -}}
{{- if contains "$(" (toJson $env) -}}
{{- $env = (include "corral.envOrder" (dict "env" $env "names" $seen) | fromJson).env -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{/* Entries of an environment, each behind those that it speaks of, as JSON under `env`. Takes env (list), names (a dict of all). */}}
{{- define "corral.envOrder" -}}
{{- $names := .names -}}
{{- $placed := dict -}}
{{- $ordered := list -}}
{{- $rest := .env -}}
{{- range .env -}}
{{- $waiting := list -}}
{{- range $rest -}}
{{- $entry := . -}}
{{- $waits := false -}}
{{- range regexFindAll "\\$\\([-._a-zA-Z0-9]+\\)" (toString (default "" .value)) -1 -}}
{{- $other := . | trimPrefix "$(" | trimSuffix ")" -}}
{{- $waits = or $waits (and (hasKey $names $other) (not (hasKey $placed $other)) (ne $other $entry.name)) -}}
{{- end -}}
{{- if $waits -}}
{{- $waiting = append $waiting . -}}
{{- else -}}
{{- $ordered = append $ordered . -}}
{{- $_ := set $placed .name true -}}
{{- end -}}
{{- end -}}
{{- $rest = $waiting -}}
{{- end -}}
{{- /* What speaks of itself by a detour stays as it was given. */ -}}
{{- toJson (dict "env" (concat $ordered $rest)) -}}
{{- end -}}

{{/* env and envFrom of a container of ours. Takes root, values, entries (YAML). */}}
{{- define "corral.environment" -}}
{{- $more := concat .root.Values.pods.env (default (list) .values.env) -}}
env:
  {{- include "corral.env" (dict "entries" .entries "more" $more) | nindent 2 }}
{{- with concat .root.Values.pods.envFrom (default (list) .values.envFrom) }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where mails go: to the SMTP server of the values, or to the sink. Takes root. */}}
{{- define "corral.mailEnv" -}}
{{- $m := .root.Values.mail -}}
{{- if $m.sink }}
- {name: CORRAL_MAIL_SINK, value: "true"}
- {name: CORRAL_SMTP_HOST, value: {{ printf "%s-mail-sink" (include "corral.fullname" .root) | quote }}}
- {name: CORRAL_SMTP_PORT, value: "1025"}
- {name: CORRAL_SMTP_SECURITY, value: none}
- {name: CORRAL_SMTP_FROM, value: {{ default "Corral <corral@localhost>" $m.from | quote }}}
{{- else if $m.host }}
- {name: CORRAL_SMTP_HOST, value: {{ $m.host | quote }}}
- {name: CORRAL_SMTP_PORT, value: {{ int $m.port | quote }}}
- {name: CORRAL_SMTP_SECURITY, value: {{ $m.security | quote }}}
{{- with $m.user }}
- {name: CORRAL_SMTP_USER, value: {{ . | quote }}}
- name: CORRAL_SMTP_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ default $.root.Values.existingSecret $m.existingSecret | quote }}, key: {{ $m.passwordKey | quote }}}}
{{- end }}
{{- with $m.from }}
- {name: CORRAL_SMTP_FROM, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where spans go. Takes root. */}}
{{- define "corral.tracingEnv" -}}
{{- $t := .root.Values.tracing -}}
{{- if $t.endpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ $t.endpoint | quote }}}
- {name: OTEL_TRACES_SAMPLER, value: parentbased_traceidratio}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ include "corral.text" $t.ratio | quote }}}
- {name: OTEL_RESOURCE_ATTRIBUTES, value: {{ printf "service.namespace=%s,k8s.namespace.name=%s" .root.Release.Name .root.Release.Namespace | quote }}}
{{- with $t.existingSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: {{ $t.headersKey | quote }}}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where files made by jobs go. Takes root. */}}
{{- define "corral.artifactsEnv" -}}
{{- $s := .root.Values.artifacts.s3 -}}
{{- if $s.bucket }}
- {name: CORRAL_ARTIFACT_STORE, value: s3}
- {name: CORRAL_ARTIFACT_BUCKET, value: {{ $s.bucket | quote }}}
- {name: CORRAL_ARTIFACT_PREFIX, value: {{ $s.prefix | quote }}}
{{- with $s.endpoint }}
- {name: CORRAL_ARTIFACT_ENDPOINT, value: {{ . | quote }}}
{{- end }}
- {name: CORRAL_ARTIFACT_REGION, value: {{ $s.region | quote }}}
- {name: CORRAL_ARTIFACT_ADDRESSING, value: {{ $s.addressing | quote }}}
{{- with $s.existingSecret }}
- name: CORRAL_ARTIFACT_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: {{ $s.accessKeyKey | quote }}}}
- name: CORRAL_ARTIFACT_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: {{ $s.secretKeyKey | quote }}}}
{{- end }}
{{- if $s.caSecret }}
- {name: CORRAL_ARTIFACT_CA, value: /etc/corral/artifacts-ca/ca.crt}
{{- end }}
{{- else if .root.Values.artifacts.existingClaim }}
- name: CORRAL_ARTIFACT_STORE
  value: filesystem
{{- end }}
{{- if .root.Values.artifacts.existingClaim }}
- name: CORRAL_ARTIFACT_DIR
  value: /var/lib/corral/artifacts
{{- end }}
{{- end -}}
