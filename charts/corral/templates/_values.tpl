{{/* Values as they are meant: what is left blank is the default, and what is a number stays one. */}}

{{/*
Helm takes a value that is blank (null) out of the values, the chart's default with it. This puts the default back.
Every template file calls it first; it does its work once. Takes the root.
*/}}
{{- define "corral.prepare" -}}
{{- if not (hasKey .Values "_prepared") -}}
{{- include "corral.fill" (dict "given" .Values "defaults" (.Files.Get "files/defaults.yaml" | fromYaml)) -}}
{{- $_ := set .Values "_prepared" true -}}
{{- end -}}
{{- end -}}

{{/*
Below resources, labels and security contexts a blank entry takes the chart's entry away: there is no other way to
have no limit, a label less, or a user that the cluster chooses. Takes given, defaults (dicts).
*/}}
{{- define "corral.fill" -}}
{{- range $key, $default := .defaults -}}
{{- $given := get $.given $key -}}
{{- if or (not (hasKey $.given $key)) (kindIs "invalid" $given) -}}
{{- $_ := set $.given $key $default -}}
{{- else if and (kindIs "map" $default) (kindIs "map" $given) (not (has $key (list "requests" "limits" "labels" "podSecurityContext" "containerSecurityContext"))) -}}
{{- include "corral.fill" (dict "given" $given "defaults" $default) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
A scalar as text, as it was given: numbers come from files as floating-point ones, which Go prints as 2.097152e+06.
Takes the scalar.
*/}}
{{- define "corral.text" -}}
{{- if kindIs "string" . -}}{{- . -}}{{- else -}}{{- toJson . -}}{{- end -}}
{{- end -}}

{{/*
The same, with a server's own words for truths: YAML reads its `on` and `yes` as true. Takes value, true, false.
*/}}
{{- define "corral.word" -}}
{{- if kindIs "bool" .value -}}
{{- get . (toString .value) -}}
{{- else -}}
{{- include "corral.text" .value -}}
{{- end -}}
{{- end -}}
