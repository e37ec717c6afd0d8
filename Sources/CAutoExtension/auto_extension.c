#include "CAutoExtension.h"

#include <sqlite3.h>

// Defined in the target CEventTable.
extern int sqlite3_extension_init(sqlite3 *, char **, const struct sqlite3_api_routines *);

int wl_register_for_all_connections(void) {
  return sqlite3_auto_extension((void (*)(void))sqlite3_extension_init);
}
