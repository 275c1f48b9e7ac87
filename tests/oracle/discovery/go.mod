module oracle

go 1.25

require github.com/prometheus/prometheus v0.313.2
