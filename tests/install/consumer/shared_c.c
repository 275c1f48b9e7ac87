#include <collector/collector.h>
#include <stdio.h>

int main(void) {
  col_collector* collector = NULL;
  char error[256];
  if (col_open("this is no configuration", &collector, error, sizeof error) == COL_OK) return 1;
  return puts(col_version()) < 0;
}
