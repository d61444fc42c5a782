{{/*
A volume claim that outlives the release, and is adopted by the next one of its name. A claim of its own, not one of
a StatefulSet's templates: those can't be changed, and the size must be able to grow. Takes root, component, values.
*/}}
{{- define "corral.claim" -}}
{{- $p := .values.persistence -}}
{{- if and .values.enabled $p.enabled (not $p.existingClaim) -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "corral.metadata" (dict "root" .root "component" .component "name" (printf "%s-%s" (include "corral.fullname" .root) .component) "annotations" (mustMerge (dict "helm.sh/resource-policy" "keep") $p.annotations)) | nindent 2 }}
spec:
  accessModes:
    {{- toYaml $p.accessModes | nindent 4 }}
  {{- if not (kindIs "invalid" $p.storageClass) }}
  storageClassName: {{ $p.storageClass | quote }}
  {{- end }}
  resources:
    requests:
      storage: {{ include "corral.text" $p.size | quote }}
{{- end -}}
{{- end -}}
