"""Targets that the Go client library serves: protobuf with native histograms, OpenMetrics with exemplars and start times,
conversion to custom buckets, type labels, escaped and unescaped names; shown by prometheus.echo and counted by the store."""
import os
import re
import shutil
import subprocess
import sys

from harness import SKIP, Stack, check, get, need, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
SCRAPE = """
prometheus.scrape "{name}" {{
  targets = [{{"__address__" = "127.0.0.1:{port}", "instance" = "i", "job" = "{name}"}}]
  scrape_interval = "1s"
  scrape_timeout = "1s"
  honor_metadata = true
  {arguments}
  forward_to = [prometheus.echo.{name}.receiver, collector.store.all.receiver]
}}
prometheus.echo "{name}" {{
  format = "openmetrics"
}}
"""
SCRAPES = {
    "native": "scrape_native_histograms = true",
    "both": 'scrape_native_histograms = true\n  scrape_classic_histograms = true\n  native_histogram_min_bucket_factor = 4',
    "text": 'scrape_protocols = ["OpenMetricsText1.0.0"]\n  start_timestamp_zero_ingestion = true',
    "custom": 'scrape_protocols = ["OpenMetricsText1.0.0"]\n  convert_classic_histograms_to_nhcb = true\n  start_timestamp_zero_ingestion = true',
    "typed": 'enable_type_and_unit_labels = true\n  metric_name_validation_scheme = "utf8"',
    "limited": "scrape_native_histograms = true\n  native_histogram_bucket_limit = 1",
}


def instrumented(folder):
    for name in ("go.mod", "main.go"):
        shutil.copy(os.path.join(HERE, "instrumented", name), folder)
    built = subprocess.run(["go", "build", "-o", "instrumented", "."], cwd=folder, capture_output=True, text=True,
                           env={**os.environ, "GOFLAGS": "-mod=mod"})
    if built.returncode:
        print("SKIP: the target cannot be built:", built.stderr[-300:])
        sys.exit(SKIP)
    return os.path.join(folder, "instrumented")


def main():
    need("go")
    with Stack() as stack:
        os.mkdir(os.path.join(stack.folder, "go"))
        target = stack.start("target", [instrumented(os.path.join(stack.folder, "go"))])
        port = wait_for("the target's port", lambda: int(target.output() or 0))
        config = 'collector.store "all" { }\n' + "".join(
            SCRAPE.format(name=name, port=port, arguments=arguments) for name, arguments in SCRAPES.items())
        ours = stack.collector(config)
        def scraped(name):
            value = 0 if name == "limited" else 1
            return len(re.findall(rf'^up{{instance="i",job="{name}"}} {value}', ours.output(), re.M))

        wait_for("every scrape twice", lambda: all(scraped(name) > 1 for name in SCRAPES))
        output = ours.output()

        def has(pattern, job):
            pattern = pattern.replace("JOB", f'instance="i",job="{job}"')
            check(re.search("^" + pattern, output, re.M), f"{job}: nothing like {pattern} in\n" + "\n".join(
                sorted({line for line in output.split("\n") if f'job="{job}"' in line}))[:6000])

        def lacks(pattern, job):
            pattern = pattern.replace("JOB", f'instance="i",job="{job}"')
            found = re.search("^" + pattern, output, re.M)
            check(not found, f"{job}: {found and found.group(0)}")

        # -2 is below, 0 in the zero bucket, 0.7 twice, then 3 and 100.
        has(r'native_seconds_bucket{JOB,le="0\.70\d*"} 4\.0 [\d.]+ # {trace_id="0.7"} 0\.7 ', "native")
        has(r'native_seconds_bucket{JOB,le="-1\.\d+"} 1\.0 ', "native")
        has(r'native_seconds_bucket{JOB,le="\+Inf"} 6\.0 ', "native")
        has(r'native_seconds_sum{JOB} 102\.4 ', "native")
        has(r'classic_seconds_bucket{JOB,le="5\.0",path="/"} 3\.0 [\d.]+ # {trace_id="3"} 3\.0 ', "native")
        has(r'jobs_total{JOB} 7\.0 [\d.]+ # {trace_id="count"} 7\.0 ', "native")
        has(r'up{JOB} 1\.0', "native")
        check("# HELP jobs_total Jobs \\\"done\\\"." in output, "help")
        lacks(r'native_seconds_bucket{JOB,le="10\.0"}', "native")
        has(r'native_seconds_bucket{JOB,le="10\.0"} 5\.0', "both")  # the classic form
        has(r'native_seconds_bucket{JOB,le="-1\.0"} 1\.0', "both")  # schema -1: bounds are powers of four
        has(r'native_seconds_bucket{JOB,le="256\.0"} 6\.0', "both")
        has(r'room_temperature{JOB} 21\.5', "text")
        has(r'classic_seconds_bucket{JOB,le="0\.5",path="/"} 2\.0 [\d.]+ # {trace_id="0.2"} 0\.2 ', "text")
        lacks(r'\w+_created{JOB', "text")
        has(r'classic_seconds_bucket{JOB,path="/",le="5\.0"} 3\.0 [\d.]+ # {trace_id="3"} 3\.0 ', "custom")
        lacks(r'classic_seconds_bucket{JOB,le=', "custom")
        has(r'jobs_total{__type__="counter",JOB} 7\.0', "typed")
        has(r'{"room\.temperature",__type__="gauge",JOB} 21\.5', "typed")
        has(r'up{JOB} 0\.0', "limited")
        for name in ("collector_store_histograms_reduced_total", "collector_store_exemplars_dropped_total",
                     "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total"):
            counts = re.compile(rf"^{name}(?:{{[^}}]*}})? [1-9]", re.M)
            wait_for(f"{name} counts", lambda c=counts: c.search(get(ours.url + "/metrics")))
        shown = get(ours.url + "/api/v0/store?search=native_seconds")
        check('"native"' in shown and "6" in shown, f"the store shows the count of a histogram: {shown[:500]}")
        check(ours.stop() == 0, ours.output()[-2000:])


if __name__ == "__main__":
    main()
