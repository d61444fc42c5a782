{{/*
The ServiceAccount of a pod, or nothing: the component's own, made by the chart or not, else that of pods. Takes root,
values, name (of an account that the chart makes); alone (true: that of pods is not for it).
*/}}
{{- define "corral.accountName" -}}
{{- $account := default (dict) .values.serviceAccount -}}
{{- if $account.create -}}
{{- .values.serviceAccountName | default .name -}}
{{- else -}}
{{- .values.serviceAccountName | default (ternary "" .root.Values.pods.serviceAccountName (default false .alone)) -}}
{{- end -}}
{{- end -}}
