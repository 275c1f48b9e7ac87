// Command instrumented serves metrics with the Go client library: native and classic histograms, exemplars, start
// times, a name that is not of the legacy scheme. It prints its port.
package main

import (
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	registry := prometheus.NewRegistry()
	count := prometheus.NewCounter(prometheus.CounterOpts{Name: "jobs_total", Help: "Jobs \"done\"."})
	native := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "native_seconds", Help: "Native and classic.",
		Buckets: []float64{1, 10}, NativeHistogramBucketFactor: 1.1})
	classic := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "classic_seconds", Help: "Classic.", Buckets: []float64{0.5, 5}},
		[]string{"path"})
	dotted := prometheus.NewGauge(prometheus.GaugeOpts{Name: "room.temperature", Help: "Beyond the legacy scheme."})
	registry.MustRegister(count, native, classic, dotted)
	dotted.Set(21.5)
	count.(prometheus.ExemplarAdder).AddWithExemplar(7, prometheus.Labels{"trace_id": "count"})
	for _, v := range []float64{-2, 0, 0.7, 0.7, 3, 100} {
		native.(prometheus.ExemplarObserver).ObserveWithExemplar(v, prometheus.Labels{"trace_id": fmt.Sprint(v)})
	}
	for _, v := range []float64{0.1, 0.2, 3, 50} {
		classic.WithLabelValues("/").(prometheus.ExemplarObserver).ObserveWithExemplar(v, prometheus.Labels{"trace_id": fmt.Sprint(v)})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.Handle("/metrics", promhttp.HandlerFor(registry,
		promhttp.HandlerOpts{EnableOpenMetrics: true, EnableOpenMetricsTextCreatedSamples: true}))
	panic(http.Serve(listener, nil))
}
