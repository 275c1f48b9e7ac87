module oracle

go 1.22

require github.com/grafana/alloy/syntax v0.1.2
