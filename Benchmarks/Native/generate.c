// Makes a seeded organisation's usage events, the same for every program that is measured.
//
//   generate --out DIR [--seed N] [--people N] [--features N] [--days N] [--events N]
//            [--first-day DAYS] [--first-number N] [--forms ndjson,wlb,datagrams,columns] [--datagram-bytes N]
//
// Writes roster.csv, catalog.csv, tickets.csv, users.csv, features.csv, parameters.json, and
//   events.ndjson   one JSON event a line, in order of time
//   events.wlb      protobuf batches of 4,096 events (schemas/usage-batch.md), in order of time
//   datagrams.wlb   batches that fill a datagram, in the order in which machines would hold them
//   columns/        each column as little-endian integers, for peers; names by number in the two CSV files
//
// With another first day and first number, the same organisation goes on: sources count from there.
//
// Numbers stand in the order of the names' bytes, so that ordering by number is ordering by name. Memory: one
// day's events.
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { FEATURES_PER_APP = 20, ROLES = 40, DEPARTMENTS = 25, SPREAD = 4096, BATCH_EVENTS = 4096, DAY = 86400000 };
enum { FOCUS, HELP, INTERRUPTION, USE };     // in byte order of their names
enum { ABANDONED, ERROR, OK };               // likewise
static const char *const kind_names[] = {"focus", "help", "interruption", "use"};
static const char *const outcome_names[] = {"abandoned", "error", "ok"};
static const uint8_t kind_codes[] = {1, 2, 3, 0}, outcome_codes[] = {2, 1, 0};  // of usage.proto

struct event {
  int64_t time;
  int32_t person, user, session, seq, duration;  // -1 is absent
  int16_t app, feature;                          // feature: number over all apps, -1 is absent
  uint8_t kind, outcome, version;
};

static struct {
  long seed, people, features, days, events, first_day, first_number, datagram_bytes;
  const char *out, *forms;
}
    options = {1, 100000, 1000, 56, 1000000, 20454, 1, 1400, NULL, "ndjson,wlb,datagrams,columns"};

static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("generate: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

// Randomness: SplitMix64, and a hash of numbers for what must not depend on the order of drawing.
static uint64_t state;
static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
static uint64_t draw(void) { return mix(state += 0x9e3779b97f4a7c15u); }
static uint32_t below(uint32_t n) { return (uint32_t)((draw() >> 32) * n >> 32); }
static bool chance(uint32_t per_million) { return below(1000000) < per_million; }
static uint64_t trait(uint64_t kind, uint64_t number) {
  return mix((uint64_t)options.seed * 0x9e3779b97f4a7c15u ^ mix(kind << 48 ^ number));
}

// The organisation.
static long apps, aliases, services, outsiders, sources;
static int *role_features[ROLES], role_feature_count[ROLES];
static double spread[SPREAD];
static double *feature_seconds;
static uint32_t *feature_failures;
static int32_t *last_seq;

static int role_of(long person) { return (int)(trait(1, (uint64_t)person) % ROLES); }
static int department_of(long person) { return (int)(trait(2, (uint64_t)person) % DEPARTMENTS); }
static bool for_everyone(long feature) { return feature % 50 == 49; }
static bool is_automatic(long feature) { return feature % 97 == 60; }
static int feature_role(long feature, int index) { return (int)((feature * 13 + index * 10) % ROLES); }

static FILE *open_file(const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", options.out, name);
  FILE *file = fopen(path, "wb");
  if (!file) fail("%s: %s", path, strerror(errno));
  setvbuf(file, NULL, _IOFBF, 1 << 20);
  return file;
}

static void close_file(FILE *file) {
  if (file && (ferror(file) | fclose(file))) fail("writing failed: %s", strerror(errno));
}

static void date_text(long day, char text[11]) {
  time_t seconds = (time_t)day * 86400;
  struct tm parts;
  gmtime_r(&seconds, &parts);
  strftime(text, 11, "%Y-%m-%d", &parts);
}

static void make_roster(void) {
  FILE *file = open_file("roster.csv"), *users = open_file("users.csv");
  fputs("user,department,role,site,manager,active_from,active_to,aliases,service\n", file);
  fputs("user,name,person\n", users);
  long from = options.first_day, middle = from + options.days - 10;
  for (long p = 0; p < options.people; p++) {
    char alias[32] = "", start[11] = "", moved[11];
    if (p < aliases) snprintf(alias, sizeof alias, "login%07ld", p);
    uint64_t luck = trait(3, (uint64_t)p) % 1000;
    if (luck < 15) date_text(middle, start);  // too new
    const char *service = p >= options.people - services ? "true" : "";
    if (luck >= 985) {  // a mover
      date_text(from + options.days / 2 + (long)luck % 10, moved);
      fprintf(file, "u%07ld,department%02d,role%02d,site%ld,,,%s,%s,%s\n", p, (department_of(p) + 1) % DEPARTMENTS,
              (role_of(p) + 1) % ROLES, p % 7, moved, alias, service);
      memcpy(start, moved, sizeof moved);
    }
    fprintf(file, "u%07ld,department%02d,role%02d,site%ld,,%s,,%s,%s\n", p, department_of(p), role_of(p), p % 7, start,
            alias, service);
  }
  for (long u = 0; u < aliases; u++) fprintf(users, "%ld,login%07ld,%ld\n", u, u, u);
  for (long u = 0; u < options.people + outsiders; u++)
    fprintf(users, "%ld,%s%07ld,%ld\n", aliases + u, u < options.people ? "u" : "visitor", u, u);
  close_file(file);
  close_file(users);
}

static void make_catalog(void) {
  FILE *catalog = open_file("catalog.csv"), *features = open_file("features.csv");
  fputs("app,feature,roles,target_days,target_ms,category,critical,automatic\n", catalog);
  fputs("number,app_number,app,feature\n", features);
  for (long f = 0; f < options.features; f++) {
    long app = f / FEATURES_PER_APP, own = f % FEATURES_PER_APP;
    fprintf(features, "%ld,%ld,app%03ld,feature%02ld\n", f, app, app, own);
    uint64_t luck = trait(4, (uint64_t)f);
    feature_seconds[f] = exp(1.0 + (double)(luck % 1000) / 250.0);
    feature_failures[f] = luck / 1000 % 20 == 0 ? 250000 : 10000 + luck % 40000;
    if (luck >> 40 & 31 && own < FEATURES_PER_APP - 1) {  // a few features are in no catalog
      fprintf(catalog, "app%03ld,feature%02ld,", app, own);
      if (for_everyone(f)) fputs("*", catalog);
      else for (int i = 0; i < 4; i++) fprintf(catalog, "%srole%02d", i ? ";" : "", feature_role(f, i));
      fprintf(catalog, ",%d,", (int[]){1, 1, 2, 4}[luck >> 20 & 3]);
      if (luck >> 30 & 1) fprintf(catalog, "%d", (int)(feature_seconds[f] * 1000));
      fprintf(catalog, ",category%ld,%s,%s\n", f % 9, f % 30 == 0 ? "true" : "", is_automatic(f) ? "true" : "");
    }
    for (int role = 0; role < ROLES; role++) {
      bool wanted = for_everyone(f);
      for (int i = 0; i < 4; i++) wanted |= feature_role(f, i) == role;
      if (wanted) role_features[role][role_feature_count[role]++] = (int)f;
    }
  }
  for (int role = 0; role < ROLES; role++)
    if (!role_feature_count[role]) role_features[role][role_feature_count[role]++] = role % (int)options.features;
  close_file(catalog);
  close_file(features);
}

// One day: sessions of people in a shuffled order until there are enough events.
static struct event *day_events, *sorted_events;
static long day_count, day_capacity, sessions_made, tickets_made;
static FILE *tickets;

static struct event *add_event(const struct event *event) {
  if (day_count == day_capacity) fail("too many events in a day");
  day_events[day_count] = *event;
  return &day_events[day_count++];
}

static int32_t duration_of(long person, long feature) {
  double own = 0.7 + (double)(trait(5, (uint64_t)person) % 1000) / 1000.0;
  double milliseconds = feature_seconds[feature] * 1000 * own * spread[below(SPREAD)];
  return (int32_t)(milliseconds < 3600000 ? milliseconds : 3600000);
}

static void open_ticket(const struct event *event) {
  if (event->person >= options.people) return;
  fprintf(tickets, "t%09ld,u%07ld,%lld,", tickets_made++, (long)event->person,
          (long long)event->time + below(6 * 3600000));
  if (chance(800000)) fprintf(tickets, "app%03d", event->app);
  fputc('\n', tickets);
}

static void make_session(long person, int64_t day_start, long quota) {
  uint64_t traits = trait(6, (uint64_t)person);
  struct event event = {.person = (int32_t)person, .session = -1, .seq = -1, .duration = -1};
  event.user = (int32_t)(aliases + person);
  if (person < aliases && chance(500000)) event.user = (int32_t)person;
  event.version = (uint8_t)(traits >> 20 & 3);
  if (traits % 10 < 7) event.session = (int32_t)sessions_made;
  sessions_made++;
  int role = role_of(person), count = role_feature_count[role];
  double luck = (double)below(1 << 20) / (1 << 20);
  long feature = role_features[role][(int)(luck * luck * count)];
  int64_t now = day_start + 7 * 3600000 + (int64_t)below(11 * 3600000), start = now;
  event.app = (int16_t)(feature / FEATURES_PER_APP);
  long uses = 3 + (long)below(14);
  for (long i = 0, failures = 0; i < uses && day_count < quota; i++) {
    event.kind = USE;
    event.time = now;
    event.feature = (int16_t)feature;
    bool fails = chance(failures ? 600000 : feature_failures[feature]);
    event.outcome = fails ? (chance(300000) ? ABANDONED : ERROR) : OK;
    event.duration = chance(50000) ? -1 : duration_of(person, feature);
    add_event(&event);
    now += event.duration + 200 + below(20000);
    if (chance(10000)) now += 40 * 60000;
    failures = fails ? failures + 1 : 0;
    if (failures >= 3 && chance(150000)) open_ticket(&event);
    if (failures >= 2 && chance(200000) && day_count < quota) {
      struct event help = event;
      help.kind = HELP, help.outcome = OK, help.time = now, help.feature = -1, help.duration = 20000 + below(60000);
      add_event(&help);
      now += help.duration;
    }
    if (!fails || chance(300000)) {
      long base = event.app * FEATURES_PER_APP, a = below(FEATURES_PER_APP), b = below(FEATURES_PER_APP);
      feature = chance(400000) ? feature : base + (a < b ? a : b);
      if (feature >= options.features) feature = options.features - 1;
    }
  }
  event.feature = -1, event.outcome = OK;
  if (day_count < quota && chance(20000)) {
    event.kind = INTERRUPTION, event.time = start + 1000, event.duration = 5000 + below(300000);
    add_event(&event);
  }
  if (day_count < quota && traits >> 30 & 1) {
    event.kind = FOCUS, event.time = start, event.duration = (int32_t)((now - start) * 9 / 10);
    add_event(&event);
  }
}

// Sorts the day by start, stable: two passes over 14 bits of the time of day (which may run past midnight).
static void sort_day(int64_t day_start) {
  static uint32_t places[1 << 14];
  for (int pass = 0; pass < 2; pass++) {
    struct event *from = pass ? sorted_events : day_events, *to = pass ? day_events : sorted_events;
    memset(places, 0, sizeof places);
#define DIGIT(e) ((uint64_t)((e).time - day_start) >> (pass ? 14 : 0) & 16383)
    for (long i = 0; i < day_count; i++) places[DIGIT(from[i])]++;
    uint32_t sum = 0;
    for (int i = 0; i < 1 << 14; i++) { uint32_t n = places[i]; places[i] = sum; sum += n; }
    for (long i = 0; i < day_count; i++) to[places[DIGIT(from[i])]++] = from[i];
  }
}

// JSON lines.
static char *put(char *to, const char *text) { size_t n = strlen(text); memcpy(to, text, n); return to + n; }
static char *put_number(char *to, uint64_t value, int width) {
  char digits[20];
  int n = 0;
  do digits[n++] = (char)('0' + value % 10); while (value /= 10);
  while (n < width) digits[n++] = '0';
  while (n) *to++ = digits[--n];
  return to;
}
static char *put_user(char *to, int32_t user) {
  if (user < aliases) return put_number(put(to, "login"), (uint64_t)user, 7);
  user -= (int32_t)aliases;
  return put_number(put(to, user < options.people ? "u" : "visitor"), (uint64_t)user, 7);
}
static char *put_machine(char *to, int32_t person) { return put_number(put(to, "pc"), (uint64_t)person, 7); }

static void write_line(FILE *file, const struct event *event) {
  static long day_known = -1;
  static char day_text[11];
  char line[512], *to = line;
  long day = (long)(event->time / DAY), rest = (long)(event->time % DAY);
  if (day != day_known) date_text(day_known = day, day_text);
  to = put(put(to, "{\"time\":\""), day_text);
  *to++ = 'T', to = put_number(to, (uint64_t)rest / 3600000, 2);
  *to++ = ':', to = put_number(to, (uint64_t)rest / 60000 % 60, 2);
  *to++ = ':', to = put_number(to, (uint64_t)rest / 1000 % 60, 2);
  *to++ = '.', to = put_number(to, (uint64_t)rest % 1000, 3);
  to = put_user(put(to, "Z\",\"user\":\""), event->user);
  to = put_number(put(to, "\",\"app\":\"app"), (uint64_t)event->app, 3);
  if (event->feature >= 0)
    to = put_number(put(to, "\",\"feature\":\"feature"), (uint64_t)event->feature % FEATURES_PER_APP, 2);
  if (event->kind == USE) to = put(put(to, "\",\"outcome\":\""), outcome_names[event->outcome]);
  else to = put(put(to, "\",\"kind\":\""), kind_names[event->kind]);
  *to++ = '"';
  if (event->duration >= 0) to = put_number(put(to, ",\"duration_ms\":"), (uint64_t)event->duration, 1);
  if (event->session >= 0) {
    to = put_number(put(to, ",\"session\":\"s"), (uint64_t)event->session, 9);
    *to++ = '"';
  }
  to = put_machine(put(to, ",\"host\":\""), event->person);
  to = put_number(put(to, "\",\"version\":\"4."), event->version, 1);
  to = put_machine(put(to, "\",\"source\":\""), event->person);
  to = put(put_number(put(to, "\",\"seq\":"), (uint64_t)event->seq, 1), "}\n");
  fwrite(line, 1, (size_t)(to - line), file);
}

// Protobuf batches. Fields with a column; see schemas/usage.proto.
enum { TIME = 4, USER, APP, FEATURE, KIND, OUTCOME, DURATION, HOST, SESSION, VERSION, SOURCE = 15, SEQ, FIELDS };
struct buffer { uint8_t *bytes; size_t length; bool is_used; };
struct batch {
  FILE *file;
  long events_max, count, strings;
  size_t bytes_max, bytes;
  int64_t base, time, seq;
  struct buffer columns[FIELDS], texts;
  uint64_t slots[1 << 16];   // hash table: text's identity << 20 | index; a batch begins with an empty one
  uint16_t used[1 << 15];
  long used_count;
};

static void put_varint(struct buffer *buffer, uint64_t value) {
  buffer->is_used |= value != 0;
  for (; value > 127; value >>= 7) buffer->bytes[buffer->length++] = (uint8_t)(value | 128);
  buffer->bytes[buffer->length++] = (uint8_t)value;
}
static uint64_t zigzag(int64_t value) { return (uint64_t)value << 1 ^ (uint64_t)(value >> 63); }

static void start_batch(struct batch *batch) {
  batch->count = 0, batch->strings = 1, batch->seq = 0, batch->texts.length = 0, batch->bytes = 0;
  for (int i = 0; i < FIELDS; i++) batch->columns[i].length = 0, batch->columns[i].is_used = false;
  while (batch->used_count) batch->slots[batch->used[--batch->used_count]] = 0;
}

static struct batch *open_batches(const char *name, long events_max, size_t bytes_max) {
  struct batch *batch = calloc(1, sizeof *batch);
  batch->file = open_file(name), batch->events_max = events_max, batch->bytes_max = bytes_max;
  for (int i = 0; i < FIELDS; i++) batch->columns[i].bytes = malloc(BATCH_EVENTS * 10);
  batch->texts.bytes = malloc(BATCH_EVENTS * 5 * 32);
  start_batch(batch);
  return batch;
}

static void finish_batch(struct batch *batch) {
  if (!batch->count) return;
  uint8_t head_bytes[32], length_bytes[8];
  struct buffer head = {head_bytes, 0, false};
  put_varint(&head, 1 << 3), put_varint(&head, (uint64_t)batch->count);
  put_varint(&head, 2 << 3), put_varint(&head, zigzag(batch->base));
  put_varint(&head, 3 << 3 | 2), put_varint(&head, 0);
  size_t total = head.length + batch->texts.length;
  struct buffer headers[FIELDS];
  uint8_t header_bytes[FIELDS][16];
  for (int i = TIME; i < FIELDS; i++) {
    headers[i] = (struct buffer){header_bytes[i], 0, false};
    if (!batch->columns[i].length || (!batch->columns[i].is_used && i != TIME)) continue;
    put_varint(&headers[i], (uint64_t)i << 3 | 2), put_varint(&headers[i], batch->columns[i].length);
    total += headers[i].length + batch->columns[i].length;
  }
  memcpy(length_bytes, "WLB1", 4);
  for (int i = 0; i < 4; i++) length_bytes[4 + i] = (uint8_t)(total >> 8 * i);
  fwrite(length_bytes, 1, 8, batch->file);
  fwrite(head_bytes, 1, head.length, batch->file);
  fwrite(batch->texts.bytes, 1, batch->texts.length, batch->file);
  for (int i = TIME; i < FIELDS; i++) {
    if (!headers[i].length) continue;
    fwrite(header_bytes[i], 1, headers[i].length, batch->file);
    fwrite(batch->columns[i].bytes, 1, batch->columns[i].length, batch->file);
  }
  start_batch(batch);
}

static uint64_t intern(struct batch *batch, int kind, int32_t number) {
  uint64_t identity = (uint64_t)(kind + 1) << 32 | (uint32_t)number;
  uint32_t slot = (uint32_t)(mix(identity) & 65535);
  for (; batch->slots[slot]; slot = (slot + 1) & 65535)
    if (batch->slots[slot] >> 20 == identity) return batch->slots[slot] & 1048575;
  char text[64], *end = text;
  switch (kind) {
    case USER: end = put_user(text, number); break;
    case APP: end = put_number(put(text, "app"), (uint64_t)number, 3); break;
    case FEATURE: end = put_number(put(text, "feature"), (uint64_t)number, 2); break;
    case HOST: end = put_machine(text, number); break;
    case SESSION: end = put_number(put(text, "s"), (uint64_t)number, 9); break;
    default: end = put_number(put(text, "4."), (uint64_t)number, 1);
  }
  put_varint(&batch->texts, 3 << 3 | 2), put_varint(&batch->texts, (uint64_t)(end - text));
  memcpy(batch->texts.bytes + batch->texts.length, text, (size_t)(end - text));
  batch->texts.length += (size_t)(end - text);
  batch->slots[slot] = identity << 20 | (uint64_t)batch->strings;
  batch->used[batch->used_count++] = (uint16_t)slot;
  return (uint64_t)batch->strings++;
}

static void append(struct batch *batch, const struct event *event) {
  // Upper bound of what one more event takes, so that a frame never outgrows its datagram.
  size_t worst = 5 * 30 + FIELDS * 5;
  if (batch->count == batch->events_max || (batch->count && batch->bytes + worst + 100 > batch->bytes_max))
    finish_batch(batch);
  if (!batch->count) batch->base = batch->time = event->time;
  size_t before = batch->texts.length;
  for (int i = 0; i < FIELDS; i++) before += batch->columns[i].length;
  struct buffer *columns = batch->columns;
  put_varint(&columns[TIME], zigzag(event->time - batch->time));
  put_varint(&columns[USER], intern(batch, USER, event->user));
  put_varint(&columns[APP], intern(batch, APP, event->app));
  put_varint(&columns[FEATURE], event->feature < 0 ? 0 : intern(batch, FEATURE, event->feature % FEATURES_PER_APP));
  put_varint(&columns[KIND], kind_codes[event->kind]);
  put_varint(&columns[OUTCOME], outcome_codes[event->outcome]);
  put_varint(&columns[DURATION], (uint64_t)((int64_t)event->duration + 1));
  uint64_t machine = intern(batch, HOST, event->person);
  put_varint(&columns[HOST], machine);
  put_varint(&columns[SESSION], event->session < 0 ? 0 : intern(batch, SESSION, event->session));
  put_varint(&columns[VERSION], intern(batch, VERSION, event->version));
  put_varint(&columns[SOURCE], machine);
  put_varint(&columns[SEQ], zigzag(event->seq - batch->seq));
  batch->time = event->time, batch->seq = event->seq, batch->count++;
  size_t after = batch->texts.length;
  for (int i = 0; i < FIELDS; i++) after += columns[i].length;
  batch->bytes += after - before;
}

// Columns for peers.
static FILE *column_files[10];
static const char *const column_names[10] = {"time.i64", "user.i32", "source.i32", "seq.i32", "session.i32",
                                             "duration.i32", "feature.i16", "app.i16", "kind.i8", "outcome.i8"};
static FILE *version_file;

static void write_columns(const struct event *event) {
  int8_t small[3] = {(int8_t)event->kind, (int8_t)event->outcome, (int8_t)event->version};
  fwrite(&event->time, 8, 1, column_files[0]);
  fwrite(&event->user, 4, 1, column_files[1]);
  fwrite(&event->person, 4, 1, column_files[2]);
  fwrite(&event->seq, 4, 1, column_files[3]);
  fwrite(&event->session, 4, 1, column_files[4]);
  fwrite(&event->duration, 4, 1, column_files[5]);
  fwrite(&event->feature, 2, 1, column_files[6]);
  fwrite(&event->app, 2, 1, column_files[7]);
  fwrite(&small[0], 1, 1, column_files[8]);
  fwrite(&small[1], 1, 1, column_files[9]);
  fwrite(&small[2], 1, 1, version_file);
}

static void read_options(int count, char **arguments) {
  struct { const char *name; long *value, low, high; } numbers[] = {
      {"--seed", &options.seed, 0, INT32_MAX},      {"--people", &options.people, 1, 10000000},
      {"--features", &options.features, 1, 20000},  {"--days", &options.days, 1, 3650},
      {"--events", &options.events, 1, 2000000000}, {"--first-day", &options.first_day, 3653, 30000},
      {"--first-number", &options.first_number, 1, 1000000000},
      {"--datagram-bytes", &options.datagram_bytes, 600, 65507}};
  for (int i = 1; i < count; i += 2) {
    if (i + 1 == count) fail("%s needs a value", arguments[i]);
    bool known = true;
    if (!strcmp(arguments[i], "--out")) options.out = arguments[i + 1];
    else if (!strcmp(arguments[i], "--forms")) options.forms = arguments[i + 1];
    else known = false;
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
      if (strcmp(arguments[i], numbers[n].name)) continue;
      char *end;
      *numbers[n].value = strtol(arguments[i + 1], &end, 10), known = true;
      if (*end || *numbers[n].value < numbers[n].low || *numbers[n].value > numbers[n].high)
        fail("%s: a number from %ld to %ld is needed", arguments[i], numbers[n].low, numbers[n].high);
    }
    if (!known) fail("unknown option %s", arguments[i]);
  }
  if (!options.out) fail("--out DIR is needed");
  if (mkdir(options.out, 0777) && errno != EEXIST) fail("%s: %s", options.out, strerror(errno));
}

static void prepare(void) {
  apps = (options.features + FEATURES_PER_APP - 1) / FEATURES_PER_APP;
  aliases = options.people / 20, services = options.people / 1000, outsiders = 1 + options.people / 200;
  sources = options.people + outsiders;
  state = mix((uint64_t)options.seed);
  for (int i = 0; i < SPREAD; i++) {
    double sum = 0;  // of 12 uniform numbers: close to normal
    for (int n = 0; n < 12; n++) sum += (double)below(1 << 20) / (1 << 20);
    spread[i] = exp((sum - 6) * 0.6);
  }
  for (int role = 0; role < ROLES; role++) role_features[role] = calloc((size_t)options.features + 1, sizeof(int));
  feature_seconds = calloc((size_t)options.features, sizeof(double));
  feature_failures = calloc((size_t)options.features, sizeof(uint32_t));
  last_seq = calloc((size_t)sources, sizeof(int32_t));
  day_capacity = options.events / options.days + options.events % options.days + 64;
  day_events = malloc((size_t)day_capacity * sizeof *day_events);
  sorted_events = malloc((size_t)day_capacity * sizeof *day_events);
  if (!day_events || !sorted_events || !last_seq) fail("not enough memory");
  for (long i = 0; i < sources; i++) last_seq[i] = (int32_t)(options.first_number - 1);
}

int main(int count, char **arguments) {
  read_options(count, arguments);
  prepare();
  make_roster();
  make_catalog();
  tickets = open_file("tickets.csv");
  fputs("id,requester,opened,app\n", tickets);
  FILE *lines = strstr(options.forms, "ndjson") ? open_file("events.ndjson") : NULL;
  struct batch *batches = strstr(options.forms, "wlb") ? open_batches("events.wlb", BATCH_EVENTS, SIZE_MAX - 4096) : NULL;
  struct batch *datagrams = NULL;
  if (strstr(options.forms, "datagrams"))
    datagrams = open_batches("datagrams.wlb", BATCH_EVENTS, (size_t)options.datagram_bytes);
  if (strstr(options.forms, "columns")) {
    char path[4096];
    snprintf(path, sizeof path, "%s/columns", options.out);
    if (mkdir(path, 0777) && errno != EEXIST) fail("%s: %s", path, strerror(errno));
    for (int i = 0; i < 10; i++) {
      snprintf(path, sizeof path, "columns/%s", column_names[i]);
      column_files[i] = open_file(path);
    }
    version_file = open_file("columns/version.i8");
  }
  long turn = 0;
  for (long day = 0; day < options.days; day++) {
    long quota = options.events / options.days + (day == 0 ? options.events % options.days : 0);
    int64_t day_start = (int64_t)(options.first_day + day) * DAY;
    for (day_count = 0; day_count < quota; turn++) {
      long person = (long)(trait(7, (uint64_t)turn) % (uint64_t)sources);
      if (trait(8, (uint64_t)person) % 100 < 3) continue;  // nothing is ever seen of these
      if (trait(9, (uint64_t)person) % 100 < 5 && day * 2 >= options.days) continue;  // they stop half-way
      make_session(person, day_start, quota);
    }
    // Numbers run in order of time; one in 20,000 never arrives.
    sort_day(day_start);
    for (long i = 0; i < day_count; i++) {
      struct event *event = &day_events[i];
      event->seq = last_seq[event->person] += chance(50) ? 2 : 1;
      if (lines) write_line(lines, event);
      if (batches) append(batches, event);
      if (version_file) write_columns(event);
    }
    if (!datagrams) continue;
    // As machines hold them: those of a session together, sessions in the order of their first event's number.
    for (long i = 0; i < day_count; i++) sorted_events[i] = day_events[i];
    long *next = malloc((size_t)day_count * sizeof(long)), *last = malloc((size_t)sources * sizeof(long));
    for (long i = 0; i < sources; i++) last[i] = -1;
    bool *is_first = calloc((size_t)day_capacity, sizeof(bool));
    for (long i = 0; i < day_count; i++) {
      long source = day_events[i].person;
      next[i] = -1;
      if (last[source] < 0) is_first[i] = true;
      else next[last[source]] = i;
      last[source] = i;
    }
    for (long i = 0; i < day_count; i++)
      for (long j = is_first[i] ? i : -1; j >= 0; j = next[j]) append(datagrams, &day_events[j]);
    free(next), free(last), free(is_first);
  }
  close_file(lines);
  if (batches) finish_batch(batches), close_file(batches->file);
  if (datagrams) finish_batch(datagrams), close_file(datagrams->file);
  for (int i = 0; i < 10; i++) close_file(column_files[i]);
  close_file(version_file);
  close_file(tickets);
  char first[11], last[11], end[11];
  date_text(options.first_day, first);
  date_text(options.first_day + options.days - (options.days > 28 ? 28 : options.days), last);
  date_text(options.first_day + options.days, end);
  FILE *parameters = open_file("parameters.json");
  fprintf(parameters, "{\"seed\": %ld, \"people\": %ld, \"features\": %ld, \"days\": %ld, \"events\": %ld, "
          "\"sources\": %ld, \"aliases\": %ld, \"tickets\": %ld, \"first\": \"%s\", \"from\": \"%s\", \"to\": \"%s\"}\n",
          options.seed, options.people, options.features, options.days, options.events, sources, aliases,
          tickets_made, first, last, end);
  close_file(parameters);
}
