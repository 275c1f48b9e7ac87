module oracle

go 1.22

require github.com/prometheus/prometheus v0.304.0
