#!/usr/bin/env python3
"""examples/monitoring against a real Prometheus: every metric that the alerts and the dashboard name
is exposed by a running collector, promtool takes the rules, and every query of the dashboard is one
that Prometheus answers with data."""
import json
import pathlib
import re
import subprocess
import sys

from harness import Stack, get, need, wait_for

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "monitoring"
CONFIG = """
prometheus.exporter.self "own" { }
prometheus.scrape "own" {
  targets         = prometheus.exporter.self.own.targets
  scrape_interval = "1s"
  scrape_timeout  = "1s"
  forward_to      = [prometheus.remote_write.out.receiver]
}
prometheus.remote_write "out" {
  endpoint { url = "http://127.0.0.1:PORT/api/v1/write" }
}
"""
# No data while nothing went wrong.
ABSENT = {"prometheus_remote_storage_samples_dropped_total", "collector_memory_budget_refusals_total"}
METRIC = re.compile(r"\b(?:alloy|collector|prometheus|process|cluster)_[a-z0-9_]+\b(?=\s*[\[{)=<>]|$|\s)")


def expressions():
    dashboard = json.loads((EXAMPLES / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def main():
    with Stack() as stack:
        subprocess.run([need("promtool"), "check", "rules", EXAMPLES / "alerts.yaml"], check=True)
        prometheus = stack.prometheus("prometheus", "scrape_configs: []\n")
        collector = stack.collector(CONFIG.replace("PORT", str(prometheus.port)))
        wait_for("samples", lambda: "alloy_build_info" in get(
            f"http://127.0.0.1:{prometheus.port}/api/v1/label/__name__/values"))
        named = set(METRIC.findall((EXAMPLES / "alerts.yaml").read_text()))
        for _, expr in expressions():
            named |= set(METRIC.findall(expr))
        named -= {"alloy_rules"}
        assert len(named) > 20, named

        def missing():
            exposed = set(re.findall(r"^([a-z_0-9]+)", get(collector.url + "/metrics"), re.M)) | ABSENT
            return sorted(n for n in named if n not in exposed)

        try:
            wait_for("every metric that is named", lambda: not missing())
        except AssertionError:
            print(f"not exposed: {missing()}")
            raise

        empty = []
        for title, expr in expressions():
            query = (expr.replace("$job", ".*").replace("$instance", ".*")
                     .replace("$__rate_interval", "10s"))
            if not any(name in query for name in ABSENT):
                try:
                    wait_for(title, lambda q=query: prometheus.query(q), 30)
                except AssertionError:
                    empty.append((title, query))
        assert not empty, f"no data for {empty}"
        print(f"{len(named)} metrics exposed, {len(list(expressions()))} queries answered")


if __name__ == "__main__":
    sys.exit(main())
