#ifndef WATERLINE_CAUTOEXTENSION_H
#define WATERLINE_CAUTOEXTENSION_H

// Apart from CEventTable, as it calls the SQLite that this program is linked with: the loadable extension
// must not, since its host may have another.

/// Has the table `event` and the views known to every connection that this process opens from now on.
int wl_register_for_all_connections(void);

#endif
