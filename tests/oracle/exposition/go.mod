module oracle

go 1.25.0

require (
	github.com/prometheus/client_model v0.6.2
	github.com/prometheus/prometheus v0.316.0
	google.golang.org/protobuf v1.36.11
)
