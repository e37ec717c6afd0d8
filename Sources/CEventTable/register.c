// The one place that calls the linked SQLite directly, before any connection has an API table.
#include "CEventTable.h"

#include <sqlite3.h>

int wl_register_for_all_connections(void) {
  return sqlite3_auto_extension((void (*)(void))sqlite3_extension_init);
}
