#pragma once

// A program that depends on this target is linked with mimalloc, and its memory laid out in huge pages, of which none
// is given back before it ends or asks for it. See docs/performance.md.

/// Gives back what is free at the moment: for a program that is going to wait.
void wl_give_back_memory(void);
