// A short job that delivers its metrics before it exits.
//   COLLECTOR_REMOTE_WRITE_URL=http://127.0.0.1:9090/api/v1/write embedded_job
#include <collector/collector.hpp>

#include <cstdio>

int main() {
  collector::Collector metrics(R"(
    prometheus.remote_write "out" {
      endpoint { url = sys.env("COLLECTOR_REMOTE_WRITE_URL") }
      external_labels = { job = "nightly-import" }
    }
    export "metrics" { value = prometheus.remote_write.out.receiver }
  )");

  int rows = 0;
  for (int i = 0; i < 1000; ++i) rows += i % 7 != 0;  // the work

  const std::string text = "# TYPE import_rows_total counter\nimport_rows_total " +
                           std::to_string(rows) +
                           "\n# TYPE import_files gauge\nimport_files 3\n# TYPE import_success "
                           "gauge\nimport_success 1\n";
  int code = metrics.push_metrics("metrics", text);
  if (code == COL_OK) code = metrics.flush(std::chrono::seconds(5));
  if (code != COL_OK) std::fprintf(stderr, "metrics: %s\n", metrics.last_error().c_str());
  return code == COL_OK ? 0 : 1;
}
