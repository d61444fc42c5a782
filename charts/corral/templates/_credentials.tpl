{{/* The arguments of `kubectl create secret` that make these keys. Takes a dict with the keys. */}}
{{- define "corral.secretExample" -}}
{{- range keys . | sortAlpha }} \
    --from-literal={{ . }}="$(openssl rand -hex 24)"
{{- end -}}
{{- end -}}
