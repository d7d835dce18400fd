// Tells ThreadSanitizer what Swift's Mutex does on Linux, so that no report needs suppressing for it.
//
// The quick ways of Synchronization.Mutex are compiled into the program that uses it, where the
// sanitizer sees their atomic operations. The slow ones, for a lock that somebody else wants too, are
// in libswiftSynchronization, which is not built with a sanitizer: what one holder wrote and the next
// one reads then looks like a race. `.ci/sanitize` links this file into every program and has the
// linker put these two functions around the library's (ld's --wrap); should a later Swift no longer
// have them, it says so.

#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define METHOD __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *handle

// Synchronization._MutexHandle._lockSlow(UInt32) and ._unlockSlow()
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

METHOD void lock_slow(uint32_t thread, SELF) __asm__("__real_" LOCK_SLOW);
METHOD void unlock_slow(SELF) __asm__("__real_" UNLOCK_SLOW);

METHOD void observed_lock_slow(uint32_t thread, SELF) __asm__("__wrap_" LOCK_SLOW);
METHOD void observed_unlock_slow(SELF) __asm__("__wrap_" UNLOCK_SLOW);

METHOD void observed_lock_slow(uint32_t thread, SELF) {
    lock_slow(thread, handle);
    __tsan_acquire(handle);
}

METHOD void observed_unlock_slow(SELF) {
    __tsan_release(handle);
    unlock_slow(handle);
}
