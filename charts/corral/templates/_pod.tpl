{{/*
What every pod has: its security context, placement, and what the values add.

Takes root, component, values (the component's own), containers (YAML), and where needed pool,
grace, restart, below (what holds for all Jobs), volumes (YAML), spread (false: there is only one), alone (true: no volumes, init containers or account of the values),
token (true: the operator's).
*/}}
{{- define "corral.pod" -}}
{{- $pods := .root.Values.pods -}}
{{- $own := .values -}}
enableServiceLinks: false  # else a Service of this name gives every pod variables such as CORRAL_PUBLISHER_PORT
automountServiceAccountToken: {{ default false .token }}
{{- $accountOf := ternary "jobs" .component (hasKey . "below") | printf "%s-%s" (include "corral.fullname" .root) }}
{{- with .pool }}{{- $accountOf = include "corral.poolName" (dict "root" $.root "pool" .) }}{{- end }}
{{- with include "corral.accountName" (dict "root" .root "values" $own "name" $accountOf "alone" .alone) }}
serviceAccountName: {{ . | quote }}
{{- end }}
{{- $secrets := list }}
{{- range concat .root.Values.image.pullSecrets .root.Values.global.imagePullSecrets }}
{{- $secrets = append $secrets (ternary (dict "name" .) . (kindIs "string" .)) }}
{{- end }}
{{- with uniq $secrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .restart }}
restartPolicy: {{ . | quote }}
{{- end }}
{{- with .grace }}
terminationGracePeriodSeconds: {{ int . }}
{{- end }}
{{- with include "corral.securityContext" (dict "kind" "podSecurityContext" "root" .root "values" $own "below" .below) | fromYaml }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $pods.priorityClassName $own.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- range $field := list "runtimeClassName" "schedulerName" "dnsPolicy" }}
{{- with default (get $pods $field) (get $own $field) }}
{{ $field }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- with default $pods.dnsConfig $own.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat $pods.hostAliases (default (list) $own.hostAliases) }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.resourceClaims }}
resourceClaims:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with mustMergeOverwrite (dict) $pods.nodeSelector (default (dict) $own.nodeSelector) }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat $pods.tolerations (default (list) $own.tolerations) }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $pods.affinity $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $constraints := concat $pods.topologySpreadConstraints (default (list) $own.topologySpreadConstraints) }}
{{- if or $constraints (and $pods.spread (ne .spread false)) }}
topologySpreadConstraints:
  {{- range $constraints }}
  - {{- toYaml (mustMergeOverwrite (dict "labelSelector" (dict "matchLabels" (include "corral.selector" $ | fromYaml))) .) | nindent 4 }}
  {{- end }}
  {{- if and $pods.spread (ne .spread false) }}
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . | quote }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "corral.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
  {{- end }}
{{- end }}
{{- with ternary (list) (concat $pods.initContainers (default (list) $own.initContainers)) (default false .alone) }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  {{- .containers | trim | nindent 2 }}
{{- $given := ternary (list) (concat $pods.volumes (default (list) $own.volumes)) (default false .alone) }}
{{- if or .volumes $given }}
volumes:
  {{- with .volumes }}
  {{- . | trim | nindent 2 }}
  {{- end }}
  {{- with $given }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/*
The bounds of a PodDisruptionBudget. One may go at a time: minAvailable 1 would block the drain of a node that holds the
only one, and alarm while a pool rests at zero. Takes the values of a pdb.
*/}}
{{- define "corral.budget" -}}
{{- if kindIs "invalid" .minAvailable -}}
maxUnavailable: {{ include "corral.text" .maxUnavailable }}
{{- else -}}
minAvailable: {{ include "corral.text" .minAvailable }}
{{- end }}
unhealthyPodEvictionPolicy: {{ .unhealthyPodEvictionPolicy | quote }}
{{- end -}}

{{/* How a Deployment is rolled out: Recreate takes no bounds, which a pool's defaults may have. Takes the values of a strategy. */}}
{{- define "corral.strategy" -}}
{{- toYaml (ternary (omit . "rollingUpdate") . (eq (default "" .type) "Recreate")) -}}
{{- end -}}

{{/* Seconds for which a preStop sleeps: the limit of the pod counts them too. Takes the values of a lifecycle. */}}
{{- define "corral.preStopSleep" -}}
{{- dig "preStop" "sleep" "seconds" 0 . | int -}}
{{- end -}}

{{/* Families of a Service's addresses. Takes the values of a service. */}}
{{- define "corral.serviceFamilies" -}}
{{- with .ipFamilyPolicy }}
ipFamilyPolicy: {{ . | quote }}
{{- end }}
{{- with .ipFamilies }}
ipFamilies: {{ toJson . }}
{{- end }}
{{- end -}}

{{/* metadata of a pod. Takes root, component, values; pool, checksum. */}}
{{- define "corral.podMetadata" -}}
{{- $pods := .root.Values.pods -}}
labels:
  {{- toYaml (mustMergeOverwrite (dict) .root.Values.commonLabels $pods.labels (default (dict) .values.podLabels) (include "corral.selector" . | fromYaml)) | nindent 2 }}
{{- $annotations := mustMergeOverwrite (dict) .root.Values.commonAnnotations $pods.annotations (default (dict) .values.podAnnotations) }}
{{- with .checksum }}{{- $_ := set $annotations "checksum/config" (sha256sum .) }}{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
A security context: that of pods, over it that of what a component is a kind of (Jobs), over it the component's own,
entry by entry. A blank entry is none. Takes kind (podSecurityContext or containerSecurityContext), root, values; below.
*/}}
{{- define "corral.securityContext" -}}
{{- $context := dict -}}
{{- range list .root.Values.pods (default (dict) .below) .values -}}
{{- range $key, $value := default (dict) (get . $.kind) -}}
{{- if kindIs "invalid" $value -}}{{- $_ := unset $context $key -}}{{- else -}}{{- $_ := set $context $key $value -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{/* The security context of a container, with its key. Takes root, values; below. */}}
{{- define "corral.containerSecurityContext" -}}
{{- with include "corral.securityContext" (dict "kind" "containerSecurityContext" "root" .root "values" .values "below" .below) | fromYaml }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* volumeMounts of our own images. Takes root, values; artifacts (true: the shared folder too). */}}
{{- define "corral.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if include "corral.databaseCa" .root }}
- name: database-ca
  mountPath: /etc/corral/database-ca
  readOnly: true
{{- end }}
{{- if include "corral.redisCa" .root }}
- name: redis-ca
  mountPath: /etc/corral/redis-ca
  readOnly: true
{{- end }}
{{- if and .artifacts .root.Values.artifacts.existingClaim }}
- name: artifacts
  mountPath: /var/lib/corral/artifacts
{{- end }}
{{- if .root.Values.artifacts.s3.caSecret }}
- name: artifacts-ca
  mountPath: /etc/corral/artifacts-ca
  readOnly: true
{{- end }}
{{- with concat .root.Values.pods.volumeMounts (default (list) .values.volumeMounts) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The volumes that belong to them. */}}
{{- define "corral.volumes" -}}
- name: tmp
  emptyDir: {}
{{- with include "corral.databaseCa" .root | fromYaml }}
- name: database-ca
  secret:
    secretName: {{ .secret | quote }}
    items: [{key: {{ .key | quote }}, path: ca.crt}]
{{- end }}
{{- with include "corral.redisCa" .root | fromYaml }}
- name: redis-ca
  secret:
    secretName: {{ .secret | quote }}
    items: [{key: {{ .key | quote }}, path: ca.crt}]
{{- end }}
{{- if and .artifacts .root.Values.artifacts.existingClaim }}
- name: artifacts
  persistentVolumeClaim:
    claimName: {{ .root.Values.artifacts.existingClaim | quote }}
{{- end }}
{{- if .root.Values.artifacts.s3.caSecret }}
- name: artifacts-ca
  secret:
    secretName: {{ .root.Values.artifacts.s3.caSecret | quote }}
    items: [{key: {{ .root.Values.artifacts.s3.caKey | quote }}, path: ca.crt}]
{{- end }}
{{- end -}}
