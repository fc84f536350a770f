#include <stdlib.h>

#include "test.h"

/* The linker sends the allocations of all of src/ here (test/meson.build). */

static __thread long countdown;
static __thread bool failed;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_reallocarray(void *, size_t, size_t);
char *__real_strdup(const char *);
void *__real_aligned_alloc(size_t, size_t);
void *__real_sodium_malloc(size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
char *__wrap_strdup(const char *);
void *__wrap_aligned_alloc(size_t, size_t);
void *__wrap_sodium_malloc(size_t);

void
test_malloc_fail(long n)
{
	countdown = n;
	failed = false;
}

bool
test_malloc_failed(void)
{
	return failed;
}

static bool
fails(void)
{
	if (countdown > 0 && --countdown == 0)
		failed = true;
	else
		return false;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t a, size_t b)
{
	return fails() ? NULL : __real_calloc(a, b);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t a, size_t b)
{
	return fails() ? NULL : __real_reallocarray(p, a, b);
}

char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

void *
__wrap_aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : __real_aligned_alloc(align, n);
}

void *
__wrap_sodium_malloc(size_t n)
{
	return fails() ? NULL : __real_sodium_malloc(n);
}
