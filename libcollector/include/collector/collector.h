/* libcollector: a telemetry collector inside your program. Provisional until 1.0.
 *
 * Conventions: a handle is opaque and freed by col_close. Functions return 0 or a negative COL_E*;
 * col_last_error gives the sentence for the last failure of a handle, whichever thread called.
 * Strings are UTF-8, not retained after the call. Any thread may call; no callback ever runs on
 * yours. One thread of the library's own runs per handle. Nothing is written to disk, no
 * socket listens, and no signal handler is installed unless the configuration asks for it.
 *
 * Signals: the library's thread takes none, so handlers run and signals arrive where they did
 * before. Fork: the thread stays with the parent. In the child every call on the parent's handle
 * returns COL_EFORK and touches nothing; what the handle holds is freed by exec or exit.
 *
 * Not there yet: logs, traces and profiles; threads = 0; a spool on disk.
 */
#ifndef COLLECTOR_COLLECTOR_H
#define COLLECTOR_COLLECTOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define COL_API __attribute__((visibility("default")))
#else
#define COL_API
#endif

typedef struct col_collector col_collector;

enum {
  COL_OK = 0,
  COL_EINVAL = -1,    /* an argument or a configuration is wrong; see col_last_error */
  COL_ENOTFOUND = -2, /* no export of that name */
  COL_EBUSY = -3,     /* the pipeline has no room now: push again later */
  COL_EREJECTED = -4, /* the data was refused for good; see col_last_error */
  COL_ETIMEDOUT = -5, /* the deadline passed with data undelivered */
  COL_ECLOSED = -6,   /* the handle is closing */
  COL_EFORK = -7,     /* the handle is of the process that this one is a fork of: open another */
  COL_ENOMEM = -8     /* the machine has no memory or no thread for it */
};

/* "0.1.0" */
COL_API const char* col_version(void);

/* Loads `config` (configuration text, not a file name) and runs it. On failure *out is NULL and up
 * to `error_size` bytes of the diagnostics, zero-terminated, are in `error` (which may be NULL). */
COL_API int col_open(const char* config, col_collector** out, char* error, size_t error_size);

/* What a collector may be told beside its configuration. Set `size` to sizeof(col_options) and the
 * rest to zero, then what you want: later versions add members at the end. */
typedef struct {
  size_t size;
  /* Most bytes of memory for what arrives and waits; what finds no room is refused (COL_EBUSY, a
   * failed scrape) and counted. 0: no limit. */
  uint64_t memory_limit;
} col_options;

/* As col_open; `options` may be NULL. COL_EINVAL when `size` is 0. */
COL_API int col_open_with(const char* config, const col_options* options, col_collector** out,
                          char* error, size_t error_size);

/* Gives samples in Prometheus text exposition format 0.0.4 to the receiver that the configuration
 * exports: export "NAME" { value = some.component.label.receiver }. Samples without a timestamp get
 * the time of the call. Returns when the pipeline has taken or refused them, after at most 5 s. */
COL_API int col_push_metrics(col_collector* c, const char* export_name, const char* text,
                             size_t size);

/* Sends what is held back for bigger batches, and waits until every destination has everything that
 * was pushed before, at most `timeout_ms`. */
COL_API int col_flush(col_collector* c, uint32_t timeout_ms);

/* Loads another configuration by difference; on failure the running one stays. */
COL_API int col_reload(col_collector* c, const char* config);

/* Drains for at most `timeout_ms`, then frees the handle whatever happened but for COL_EFORK. */
COL_API int col_close(col_collector* c, uint32_t timeout_ms);

/* Copies the sentence of the last failure into `buffer`, zero-terminated; returns its full length.
 */
COL_API size_t col_last_error(col_collector* c, char* buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
