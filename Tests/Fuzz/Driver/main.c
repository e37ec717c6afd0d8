// The program that libFuzzer drives; its main function is libFuzzer's. Built by scripts/fuzz only.

#include <stddef.h>
#include <stdint.h>

int wl_fuzz_run(const uint8_t *bytes, long count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) { return wl_fuzz_run(bytes, (long)count); }
