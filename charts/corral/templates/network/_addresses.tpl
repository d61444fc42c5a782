{{/* Hosts, ports and address ranges, as values give them. */}}

{{/*
Hosts with their ports, for an address: several have commas between, each may have a port of its own, and an IPv6
address gets its brackets. Takes hosts, port.
*/}}
{{- define "corral.hostsWithPorts" -}}
{{- $port := int .port -}}
{{- $hosts := list -}}
{{- range splitList "," .hosts -}}
{{- $host := trim . -}}
{{- if regexMatch "^[^\\[\\]]*:[^\\[\\]]*:" $host }}{{- $host = printf "[%s]" $host -}}{{- end -}}
{{- $hosts = append $hosts (ternary $host (printf "%s:%d" $host $port) (regexMatch "^(\\[.*\\]|[^:]*):[0-9]+$" $host)) -}}
{{- end -}}
{{- join "," $hosts -}}
{{- end -}}

{{/* A port out of an address, without zeros in front: with one, a number would be read as octal. Takes the digits. */}}
{{- define "corral.port" -}}
{{- regexReplaceAll "^0+" . "" -}}
{{- end -}}

{{/* The ports of a server, as a JSON list under `ports`. Takes url, hosts (one of the two, or neither), port. */}}
{{- define "corral.portsOf" -}}
{{- $ports := list -}}
{{- $authority := .url | default "" | regexFind "://[^/?#]*" | trimPrefix "://" -}}
{{- $hosts := default $authority .hosts | splitList "@" | last -}}
{{- range splitList "," $hosts -}}
{{- $given := . | trim | regexFind "^(\\[.*\\]|[^:]*):[0-9]+$" | regexFind "[0-9]+$" -}}
{{- $ports = append $ports (int ($given | include "corral.port" | default $.port)) -}}
{{- end -}}
{{- $parameter := .url | default "" | regexFind "[?&]port=[0-9,]+" | regexFind "[0-9,]+$" -}}
{{- with $parameter -}}
{{- $ports = list -}}
{{- range splitList "," . }}{{- $ports = append $ports (include "corral.port" . | int) -}}{{- end -}}
{{- end -}}
{{- toJson (dict "ports" (uniq $ports)) -}}
{{- end -}}

{{/* The ports of the external Postgres, pooled and direct, as a JSON list under `ports`. Takes the root. */}}
{{- define "corral.externalPostgresPorts" -}}
{{- $e := .Values.postgres.external -}}
{{- $ports := (include "corral.portsOf" (dict "url" $e.url "hosts" $e.host "port" $e.port) | fromJson).ports -}}
{{- if or $e.directUrl $e.directHost $e.directUrlKey -}}
{{- $ports = concat $ports (include "corral.portsOf" (dict "url" $e.directUrl "hosts" $e.directHost "port" $e.directPort) | fromJson).ports -}}
{{- end -}}
{{- toJson (dict "ports" (.Values.networkPolicy.postgresPorts | default (uniq $ports))) -}}
{{- end -}}

{{/* The same for Redis. Takes the root. */}}
{{- define "corral.externalRedisPorts" -}}
{{- $e := .Values.redis.external -}}
{{- $ports := (include "corral.portsOf" (dict "url" $e.url "hosts" $e.host "port" $e.port) | fromJson).ports -}}
{{- toJson (dict "ports" (.Values.networkPolicy.redisPorts | default $ports)) -}}
{{- end -}}

{{/*
The exceptions that lie within a range, as a JSON list under `except`: Kubernetes refuses others. Within an IPv6 range
that is not ::/0 none is taken. Takes cidr, except.
*/}}
{{- define "corral.exceptionsWithin" -}}
{{- $cidr := .cidr -}}
{{- $within := list -}}
{{- range .except -}}
{{- if and (contains ":" .) (eq $cidr "::/0") -}}
{{- $within = append $within . -}}
{{- else if not (or (contains ":" .) (contains ":" $cidr)) -}}
{{- $bits := $cidr | splitList "/" | last | int -}}
{{- $size := 1 -}}
{{- range until (int (sub 32 $bits)) }}{{- $size = mul $size 2 -}}{{- end -}}
{{- $start := div (include "corral.ipv4Number" $cidr | int64) $size -}}
{{- if and (gt (. | splitList "/" | last | int) $bits) (eq $start (div (include "corral.ipv4Number" . | int64) $size)) -}}
{{- $within = append $within . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "except" $within) -}}
{{- end -}}

{{- define "corral.ipv4Number" -}}
{{- $number := 0 -}}
{{- range . | splitList "/" | first | splitList "." }}{{- $number = add (mul $number 256) (int64 .) -}}{{- end -}}
{{- $number -}}
{{- end -}}

{{/* The ports of the proxies through which workers send requests, as a JSON list under `ports`. Takes the root. */}}
{{- define "corral.proxyPorts" -}}
{{- $ports := list -}}
{{- range (include "corral.pools" . | fromJson).pools -}}
{{- $url := get (mustMergeOverwrite (dict) $.Values.settings .settings) "CORRAL_OUTGOING_PROXY" | default "" | include "corral.text" -}}
{{- with $url -}}
{{- $ports = concat $ports (include "corral.portsOf" (dict "url" $url "port" (ternary 443 80 (hasPrefix "https:" $url))) | fromJson).ports -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "ports" (uniq $ports)) -}}
{{- end -}}
