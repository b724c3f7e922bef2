{{- define "signin.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "signin.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "signin.labels" -}}
{{ include "signin.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "signin.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "signin.name" .) }}
{{- else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "signin.image" -}}
{{- $image := .Values.image -}}
{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* A stable name a replica is needed: for static membership, and for transactions. */}}
{{- define "signin.isStateful" -}}
{{- $config := .Values.config -}}
{{- if or (dig "kafka" "instance_id" "" $config) (eq (dig "delivery" "mode" "" $config) "exactly_once") }}yes{{ end }}
{{- end }}

{{- /* Settings as TOML, one dotted key a line: whole numbers stay whole, which toToml does not keep. */}}
{{- define "signin.toml" -}}
{{- $prefix := .prefix -}}
{{- range $key, $value := .values }}
{{- $name := printf "%s%s" $prefix (toJson $key) }}
{{- if kindIs "map" $value }}
{{- include "signin.toml" (dict "prefix" (printf "%s." $name) "values" $value) }}
{{- else if not (kindIs "invalid" $value) }}
{{ $name }} = {{ toRawJson $value }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The seconds of a duration such as "250ms", "20s", "4m" or "1h", rounded up. */}}
{{- define "signin.seconds" -}}
{{- $text := lower . | nospace -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $factors := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 -}}
{{- $unit := regexFind "[a-z]+$" $text -}}
{{- if not (hasKey $factors $unit) }}{{ fail (printf "config.delivery.drain_timeout: %q is no duration; write a number and ms, s, m or h" .) }}{{ end -}}
{{ mulf $number (get $factors $unit) | ceil | int64 }}
{{- end }}

{{- /* The drain, the 5 s in which the clients close, and as much again for the pod itself. */}}
{{- define "signin.gracePeriod" -}}
{{- $drain := dig "delivery" "drain_timeout" "20s" .Values.config | toString -}}
{{ add (include "signin.seconds" $drain) 10 }}
{{- end }}

{{- define "signin.job" -}}
{{ .Release.Namespace }}/{{ include "signin.name" . }}
{{- end }}
