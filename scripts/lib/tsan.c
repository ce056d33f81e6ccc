// Tells ThreadSanitizer of Swift's Mutex where two threads want one. The quick ways are compiled into the program, and seen;
// the slow ones lie in a library that was built without the sanitizer, so every mutex that is waited for would be called a race.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

// Not there in a program that is built without it, such as the one that starts the tests.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

#define SELF __attribute__((swift_context)) void *self
#define SWIFT __attribute__((swiftcall))
#define NAMED(name) __asm__("$s15Synchronization12_MutexHandleV" name)

SWIFT void cake_lock_slow(uint32_t thread, SELF) NAMED("9_lockSlowyys6UInt32VF");
SWIFT void cake_unlock_slow(SELF) NAMED("11_unlockSlowyyF");

SWIFT void cake_lock_slow(uint32_t thread, SELF) {
    static void (*_Atomic found)(void);
    if (!found) found = (void (*)(void))dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
    ((SWIFT void (*)(uint32_t, SELF))found)(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT void cake_unlock_slow(SELF) {
    static void (*_Atomic found)(void);
    if (!found) found = (void (*)(void))dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
    if (__tsan_release) __tsan_release(self);
    ((SWIFT void (*)(SELF))found)(self);
}
