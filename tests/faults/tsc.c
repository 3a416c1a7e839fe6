/* Takes the time-stamp counter from the process that is started with this library: every reading of it is a SIGSEGV then. Not from
 * before it was started, as the loader of the C library reads the counter itself. */
#include <sys/prctl.h>

__attribute__((constructor)) static void disable(void) { prctl(PR_SET_TSC, PR_TSC_SIGSEGV); }
