{{/* Names, labels and images. Every template takes (dict "root" $ …) unless it says otherwise. */}}

{{/* What stands for `corral`; as a dependency with an alias, that. Takes the root. */}}
{{- define "corral.name" -}}
{{- default .Chart.Name .Values.nameOverride -}}
{{- end -}}

{{/*
Takes the root. At most 25 characters, so that every name made from it fits into 63. A longer one is cut and carries a
hash, so that two that begin alike differ; a release that was installed when names were only cut keeps its own.
*/}}
{{- define "corral.fullname" -}}
{{- $name := include "corral.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $whole := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (eq (include "corral.releaseSaysIt" .) "true") -}}
{{- if le (len $whole) 25 -}}
{{- $whole | trimSuffix "-" -}}
{{- else -}}
{{- if not (hasKey .Values "_cut") -}}
{{- $cut := $whole | trunc 25 | trimSuffix "-" -}}
{{- $ours := eq (include "corral.installedAs" (dict "root" . "full" $cut)) "true" -}}
{{- $hashed := printf "%s-%s" ($whole | trunc 18 | trimSuffix "-") (sha256sum $whole | trunc 6) -}}
{{- $_ := set .Values "_cut" (ternary $cut $hashed $ours) -}}
{{- end -}}
{{- .Values._cut -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
"true" where the release's name holds that of the chart, and so stands for both. Under an alias it does not: two of a
parent, `corral` and `mail` in a release `corral-mail`, would be called alike; but what was installed so stays. Takes
the root.
*/}}
{{- define "corral.releaseSaysIt" -}}
{{- if and (contains (include "corral.name" .) .Release.Name) (ne .Chart.Name "corral") -}}
{{- if not (hasKey .Values "_alone") -}}
{{- $_ := set .Values "_alone" (include "corral.installedAs" (dict "root" . "full" (.Release.Name | trunc 25 | trimSuffix "-"))) -}}
{{- end -}}
{{- .Values._alone -}}
{{- else -}}
{{- contains (include "corral.name" .) .Release.Name -}}
{{- end -}}
{{- end -}}

{{/* "true" where this release already has a publisher of this chart whose names begin with `full`. Takes root, full. */}}
{{- define "corral.installedAs" -}}
{{- $there := lookup "apps/v1" "Deployment" .root.Release.Namespace (printf "%s-publisher" .full) | dig "metadata" "labels" (dict) -}}
{{- and (eq (get $there "app.kubernetes.io/instance") .root.Release.Name) (eq (get $there "app.kubernetes.io/name") (include "corral.name" .root)) -}}
{{- end -}}

{{/* What a pod is found by; it never changes. */}}
{{- define "corral.selector" -}}
app.kubernetes.io/name: {{ include "corral.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component | quote }}
{{- with .pool }}
corral.dev/pool: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The name of all objects of a pool: it carries the release, so that two have room in a namespace. Takes root, pool. */}}
{{- define "corral.poolName" -}}
{{ include "corral.fullname" .root }}-worker-{{ .pool }}
{{- end -}}

{{/* By what an operator finds the pools of its release. Takes the root. */}}
{{- define "corral.poolSelector" -}}
app.kubernetes.io/name={{ include "corral.name" . }},app.kubernetes.io/instance={{ .Release.Name }}
{{- end -}}

{{/* A version as the value of a label, which takes no plus sign and 63 characters. Takes the text. */}}
{{- define "corral.labelOf" -}}
{{- . | replace "+" "_" | trunc 63 | trimAll "-_." -}}
{{- end -}}

{{/* Of objects. Pods carry the selector and what was given, no version: a new chart alone restarts nothing. */}}
{{- define "corral.labels" -}}
{{- $labels := dict "helm.sh/chart" (include "corral.labelOf" (printf "%s-%s" .root.Chart.Name .root.Chart.Version)) "app.kubernetes.io/version" (include "corral.labelOf" .root.Chart.AppVersion) "app.kubernetes.io/managed-by" .root.Release.Service "app.kubernetes.io/part-of" "corral" -}}
{{- $own := include "corral.selector" . | fromYaml -}}
{{- toYaml (mustMergeOverwrite (dict) .root.Values.commonLabels (default (dict) .labels) $labels $own) -}}
{{- end -}}

{{/* metadata of an object: name, labels, annotations. Takes root, component, name; pool, labels, annotations. */}}
{{- define "corral.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .root.Release.Namespace | quote }}
labels:
  {{- include "corral.labels" . | nindent 2 }}
{{- with mustMergeOverwrite (dict) .root.Values.commonAnnotations (default (dict) .annotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An image of ours. Takes root, image. */}}
{{- define "corral.image" -}}
{{- $registry := .root.Values.image.registry | default .root.Values.global.imageRegistry | trimSuffix "/" -}}
{{- $name := ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (include "corral.text" .image.tag | default (include "corral.text" .root.Values.image.tag) | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* An image of others, from where its own values say. Takes root, image. */}}
{{- define "corral.foreignImage" -}}
{{- $registry := .image.registry | default .root.Values.global.imageRegistry | trimSuffix "/" -}}
{{- $name := ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (include "corral.text" .image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The pools, each with the defaults beneath it, as a JSON list under `pools`. Takes the root. */}}
{{- define "corral.pools" -}}
{{- $pools := list -}}
{{- range .Values.pools -}}
{{- $pool := mustMergeOverwrite (deepCopy $.Values.poolDefaults) (deepCopy .) -}}
{{- /* Of what excludes each other, what the pool says replaces what the defaults say. */ -}}
{{- range $hook, $own := default (dict) .lifecycle }}{{- $_ := set $pool.lifecycle $hook $own -}}{{- end -}}
{{- if and (hasKey (default (dict) .pdb) "maxUnavailable") (not (hasKey .pdb "minAvailable")) }}{{- $_ := set $pool.pdb "minAvailable" nil -}}{{- end -}}
{{- $pools = append $pools $pool -}}
{{- end -}}
{{- toJson (dict "pools" $pools) -}}
{{- end -}}

{{/* The names of the Ingress, the first one first, as a YAML list; none where it answers to every name. Takes the root. */}}
{{- define "corral.ingressHosts" -}}
{{- prepend .Values.publisher.ingress.hosts .Values.publisher.ingress.host | compact | uniq | toYaml -}}
{{- end -}}

{{/* The address that people reach. Takes the root. */}}
{{- define "corral.publicUrl" -}}
{{- $p := .Values.publisher -}}
{{- if $p.publicUrl -}}
{{- $p.publicUrl | trimSuffix "/" -}}
{{- else if and $p.ingress.enabled (include "corral.ingressHosts" . | fromYamlArray) -}}
{{- printf "%s://%s" (ternary "https" "http" $p.ingress.tls.enabled) (include "corral.ingressHosts" . | fromYamlArray | first) -}}
{{- else if and $p.httpRoute.enabled $p.httpRoute.hostnames -}}
{{- printf "https://%s" (first $p.httpRoute.hostnames) -}}
{{- else -}}
http://127.0.0.1:8080
{{- end -}}
{{- end -}}
