#pragma once

// Nothing to call. A program that depends on this target is linked with mimalloc, and its memory laid out in huge pages.
// See docs/performance.md.
