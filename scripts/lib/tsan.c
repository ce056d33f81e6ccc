// Linked into what ThreadSanitizer watches. Tells it of threads that wait for Swift's Mutex. The quick ways are compiled into the program;
// the slow ones lie in a library that was built without the sanitizer, so every mutex that is waited for would be called a race.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

// The compiler also reports who changes an argument, and for one without bytes (SystemRandomNumberGenerator) at an address that
// is none. The linker turns those reports here.
void __wrap___tsan_external_write(void *address, void *caller, void *tag) { (void)address, (void)caller, (void)tag; }

#define SELF __attribute__((swift_context)) void *self
#define SWIFT __attribute__((swiftcall))
#define NAMED(name) __asm__("$s15Synchronization12_MutexHandleV" name)

SWIFT void cake_lock_slow(uint32_t thread, SELF) NAMED("9_lockSlowyys6UInt32VF");
SWIFT void cake_unlock_slow(SELF) NAMED("11_unlockSlowyyF");

SWIFT void cake_lock_slow(uint32_t thread, SELF) {
    static void (*_Atomic found)(void);
    if (!found) found = (void (*)(void))dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
    ((SWIFT void (*)(uint32_t, SELF))found)(thread, self);
    __tsan_acquire(self);
}

SWIFT void cake_unlock_slow(SELF) {
    static void (*_Atomic found)(void);
    if (!found) found = (void (*)(void))dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
    __tsan_release(self);
    ((SWIFT void (*)(SELF))found)(self);
}
