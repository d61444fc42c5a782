{{/* The arguments of `kubectl create secret` that make these keys. Takes a dict with the keys. */}}
{{- define "corral.secretExample" -}}
{{- range keys . | sortAlpha }} \
    --from-literal={{ . }}="$(openssl rand -hex 24)"
{{- end -}}
{{- end -}}

{{/* The commands that add keys to a Secret. Takes name, namespace, keys. */}}
{{- define "corral.patchExample" -}}
{{- $at := . -}}
{{- range .keys }}
  kubectl -n {{ $at.namespace }} patch secret {{ $at.name }} -p "{\"stringData\":{\"{{ . }}\":\"$(openssl rand -hex 24)\"}}"
{{- end -}}
{{- end -}}
