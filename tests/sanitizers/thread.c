/*
 * What ThreadSanitizer must be told. Linked by .ci/sanitize into tests whose standard library is not instrumented: what that does
 * without being inlined is called through here (ld's --wrap), and the sanitizer told whom it has ordered after whom. Names in
 * capitals are the standard library's symbols.
 */
#include <stdbool.h>
#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

/* In the program itself, for workers have an empty environment. The first report ends the process, and so fails its test. */
const char *__tsan_default_options(void) {
    return "halt_on_error=1:external_symbolizer_path=" SYMBOLIZER;
}

/*
 * Fences are not modelled: a counted reference is given up by a Release, and what it counts taken down after a fence
 * (alloc::sync::Arc::drop_slow, and where a thread gives up its own name). What a std::sync::Once has called is over before the library
 * says so, within itself. The test harness's channel is its own, and is not instrumented, either.
 */
const char *__tsan_default_suppressions(void) {
    return "race:drop_slow\nrace:std::rt::thread_cleanup\nrace:std::sys::sync::once::futex::Once\nrace:test::event::CompletedTest\nrace:Option<test::run_test\n";
}

/*
 * A process in the same address space: the sanitizer's clone(2) takes every child for a copy, and ends. Such a child runs on its
 * parent's thread-local storage while that sleeps, as a function that is called does.
 */
int __clone(int (*run)(void *), void *stack, int flags, void *argument, ...);
int __wrap_clone(int (*run)(void *), void *stack, int flags, void *argument) {
    return __clone(run, stack, flags, argument);
}

#ifdef LOCK_CONTENDED
#define JOIN(a, b) a##b
#define REAL(name) JOIN(__real_, name)
#define WRAP(name) JOIN(__wrap_, name)

/* std::sync::Mutex: one word. */
void REAL(LOCK_CONTENDED)(uint32_t *mutex);
void WRAP(LOCK_CONTENDED)(uint32_t *mutex) {
    REAL(LOCK_CONTENDED)(mutex);
    __tsan_acquire(mutex);
}

/* std::sync::RwLock: two words, in an order that the compiler chooses. */
static void acquire_both(uint32_t *words) {
    __tsan_acquire(words);
    __tsan_acquire(words + 1);
}

void REAL(READ_CONTENDED)(uint32_t *lock);
void WRAP(READ_CONTENDED)(uint32_t *lock) {
    REAL(READ_CONTENDED)(lock);
    acquire_both(lock);
}

void REAL(WRITE_CONTENDED)(uint32_t *lock);
void WRAP(WRITE_CONTENDED)(uint32_t *lock) {
    REAL(WRITE_CONTENDED)(lock);
    acquire_both(lock);
}

/* std::sync::Condvar: the mutex is given up, and taken again. */
void REAL(CONDVAR_WAIT)(void *condvar, uint32_t *mutex);
void WRAP(CONDVAR_WAIT)(void *condvar, uint32_t *mutex) {
    __tsan_release(mutex);
    REAL(CONDVAR_WAIT)(condvar, mutex);
    __tsan_acquire(mutex);
}

bool REAL(CONDVAR_WAIT_TIMEOUT)(void *condvar, uint32_t *mutex, uint64_t seconds, uint32_t ns);
bool WRAP(CONDVAR_WAIT_TIMEOUT)(void *condvar, uint32_t *mutex, uint64_t seconds, uint32_t ns) {
    __tsan_release(mutex);
    bool in_time = REAL(CONDVAR_WAIT_TIMEOUT)(condvar, mutex, seconds, ns);
    __tsan_acquire(mutex);
    return in_time;
}

/* std::thread::scope: three words, one of which counts the threads that are not at their end. */
void REAL(SCOPE_DECREMENT)(uint64_t *scope, bool panicked);
void WRAP(SCOPE_DECREMENT)(uint64_t *scope, bool panicked) {
    for (int word = 0; word < 3; word++) {
        __tsan_release(scope + word);
    }
    REAL(SCOPE_DECREMENT)(scope, panicked);
}
#endif
