// Prometheus' service discovery by itself: `oracle CONFIG ADDRESS` runs the discoveries of the first scrape
// configuration and serves the labels of their targets as a JSON array.
package main

import (
	"context"
	"encoding/json"
	"log"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	_ "github.com/prometheus/prometheus/discovery/consul"
	_ "github.com/prometheus/prometheus/discovery/kubernetes"
	_ "github.com/prometheus/prometheus/discovery/moby"
	"github.com/prometheus/prometheus/discovery/targetgroup"
)

func targets(groups []*targetgroup.Group) []map[string]string {
	out := []map[string]string{}
	for _, group := range groups {
		for _, target := range group.Targets {
			labels := map[string]string{}
			for name, value := range group.Labels {
				labels[string(name)] = string(value)
			}
			for name, value := range target {
				labels[string(name)] = string(value)
			}
			out = append(out, labels)
		}
	}
	return out
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	loaded, err := config.Load(string(text), promslog.NewNopLogger())
	if err != nil {
		log.Fatal(err)
	}
	scrapes, err := loaded.GetScrapeConfigs()
	if err != nil {
		log.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	metrics, err := discovery.CreateAndRegisterSDMetrics(registry)
	if err != nil {
		log.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	manager := discovery.NewManager(context.Background(), logger, registry, metrics)
	if err := manager.ApplyConfig(map[string]discovery.Configs{"sd": scrapes[0].ServiceDiscoveryConfigs}); err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(manager.Run()) }()
	var lock sync.Mutex
	current := []map[string]string{}
	go func() {
		for sets := range manager.SyncCh() {
			found := targets(sets["sd"])
			lock.Lock()
			current = found
			lock.Unlock()
		}
	}()
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		_ = json.NewEncoder(w).Encode(current)
	})
	log.Fatal(http.ListenAndServe(os.Args[2], nil))
}
