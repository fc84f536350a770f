#include "etcd/etcd_pb.h"
#include "fuzz.h"

/* A protobuf message: every field lies inside it, and the end is reached. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t left = n + 1, i;
	char text[32];
	struct pb r;

	pb_init(&r, p, n);
	while (pb_next(&r) == 1) {
		MUST(r.left < left);
		left = r.left;
		MUST(r.field > 0 && r.field < 1U << 29);
		if (r.wire == PB_VARINT)
			continue;
		MUST(r.val == 0 && r.len <= n - r.left);
		MUST(r.ptr + r.len == p + n - r.left);
		pb_text(&r, text, sizeof(text));
		for (i = 0; text[i] != '\0'; i++)
			MUST(text[i] >= ' ' && text[i] <= '~');
	}
	return 0;
}
