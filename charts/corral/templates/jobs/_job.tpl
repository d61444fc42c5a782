{{/*
A Job whose name carries a hash of all it is: what changes makes a new Job, so nothing immutable is ever patched,
and a rollback runs the older one again. An ordinary Job, no hook: before the install a hook would wait for a
database that comes with it, and after it `--wait` would wait for pods that wait for the schema.

Takes root, component, prefix (of the name), image (a value), args (list), entries (YAML), values.
*/}}
{{- define "corral.job" -}}
{{- $spec := include "corral.job.spec" . -}}
apiVersion: batch/v1
kind: Job
metadata:
  {{- $name := printf "%s-%s" .prefix (sha256sum $spec | trunc 10) }}
  {{- include "corral.metadata" (dict "root" .root "component" .component "name" $name "labels" .root.Values.jobs.labels "annotations" .root.Values.jobs.annotations) | nindent 2 }}
spec:
  {{- $spec | nindent 2 }}
{{- end -}}

{{- define "corral.job.spec" -}}
{{- $j := .root.Values.jobs -}}
{{- $ctx := mustMerge (dict "below" $j) . -}}
backoffLimit: {{ int $j.backoffLimit }}
{{- if not (kindIs "invalid" $j.ttlSecondsAfterFinished) }}
ttlSecondsAfterFinished: {{ int $j.ttlSecondsAfterFinished }}
{{- end }}
template:
  metadata:
    {{- include "corral.podMetadata" (dict "root" .root "component" .component "values" .root.Values.jobs) | nindent 4 }}
  spec:
    {{- $containers := include "corral.job.container" $ctx }}
    {{- $volumes := include "corral.volumes" . }}
    {{- include "corral.pod" (mustMerge (dict "restart" "OnFailure" "spread" false "containers" $containers "volumes" $volumes) $ctx) | nindent 4 }}
{{- end -}}

{{- define "corral.job.container" -}}
- name: {{ .component | quote }}
  image: {{ include "corral.image" (dict "root" .root "image" .image) | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy | quote }}
  args:
    {{- toYaml .args | nindent 4 }}
  {{- include "corral.environment" (dict "root" .root "values" .values "entries" .entries) | nindent 2 }}
  resources:
    {{- toYaml .root.Values.jobs.resources | nindent 4 }}
  {{- include "corral.containerSecurityContext" . | nindent 2 }}
  volumeMounts:
    {{- include "corral.mounts" . | nindent 4 }}
{{- end -}}

{{/* What places a Job's pod. Takes the root. */}}
{{- define "corral.job.placement" -}}
{{- toJson (pick .Values.jobs "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" "schedulerName" "hostAliases" "dnsPolicy" "dnsConfig" "podSecurityContext" "containerSecurityContext" "serviceAccountName" "serviceAccount") -}}
{{- end -}}

{{/* The environment of a Job: database, Redis' address (the settings ask for it), and the settings. Takes root, values. */}}
{{- define "corral.job.env" -}}
{{- include "corral.databaseEnv" . }}
{{- include "corral.redisEnv" . }}
{{- include "corral.codeEnv" . }}
{{- include "corral.artifactsEnv" . }}
{{- include "corral.settings" (dict "maps" (list .root.Values.settings .values.settings)) }}
{{- end -}}
