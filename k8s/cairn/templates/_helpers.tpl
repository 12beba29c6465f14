{{/* Names and labels, as `helm create` makes them. */}}
{{- define "cairn.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for what is put behind it: -headless, and the hash that a StatefulSet adds to the names of its pods. */}}
{{- define "cairn.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 45 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* These alone stand in selectors and in the claim template, which can never be changed. */}}
{{- define "cairn.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cairn.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cairn.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "cairn.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: cairn
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "cairn.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "cairn.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Of an image (repository, tag, digest), with the tag that stands in for an empty one. */}}
{{- define "cairn.image" -}}
{{- if .image.digest }}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else }}
{{- printf "%s:%s" .image.repository (default .tag .image.tag) }}
{{- end }}
{{- end }}

{{- define "cairn.secretName" -}}
{{- default (printf "%s-token" (include "cairn.fullname" .)) .Values.auth.existingSecret }}
{{- end }}

{{- define "cairn.secretKey" -}}
{{- if .Values.auth.existingSecret }}{{ .Values.auth.existingSecretKey }}{{ else }}token{{ end }}
{{- end }}

{{/* Bytes of a quantity such as 512Mi, 1.5G or 536870912. */}}
{{- define "cairn.bytes" -}}
{{- $quantity := . }}
{{- if not (kindIs "string" $quantity) }}{{ $quantity = printf "%.0f" (float64 $quantity) }}{{ end }}
{{- $number := regexFind "^[0-9.]+" $quantity }}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- mulf (float64 $number) (index $factors (trimPrefix $number $quantity)) | floor | int64 }}
{{- end }}

{{/*
MiB of the heap under the memory limit: three quarters, and 128 MiB less at least, which Node, the young generation
and the bodies of requests take beside it.
*/}}
{{- define "cairn.heapMiB" -}}
{{- $limit := include "cairn.bytes" . | int64 }}
{{- $heap := div (min (div (mul $limit 3) 4) (sub $limit 134217728)) 1048576 }}
{{- if lt $heap 128 }}
{{- fail (printf "resources.limits.memory is %v, too little for a heap: give at least 256Mi" .) }}
{{- end }}
{{- $heap }}
{{- end }}

{{/* MiB of the heap, or nothing where there is no memory limit. */}}
{{- define "cairn.heap" -}}
{{- with dig "limits" "memory" "" (default dict .Values.resources) }}{{ include "cairn.heapMiB" . }}{{ end }}
{{- end }}

{{- define "cairn.nodeOptions" -}}
{{- $heap := include "cairn.heap" . }}
{{- if $heap }}
{{- printf "%s --max-old-space-size=%s" .Values.nodeOptions $heap | trim }}
{{- else }}
{{- .Values.nodeOptions }}
{{- end }}
{{- end }}

{{- define "cairn.accessModes" -}}
{{- $modes := list }}
{{- range .Values.persistence.accessModes }}
{{- $old := and (eq . "ReadWriteOncePod") (semverCompare "<1.29-0" $.Capabilities.KubeVersion.Version) }}
{{- $modes = append $modes (ternary "ReadWriteOnce" . $old) }}
{{- end }}
{{- toYaml (uniq $modes) }}
{{- end }}
