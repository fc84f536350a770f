#include <stdio.h>

#include "base/str.h"
#include "base/time.h"
#include "cmd/cmd_state.h"
#include "repo/repo.h"

char *
cmd_state(const struct repo_backup *b, char *to)
{
	char day[TIME_TEXT_MAX];

	if (b->removed)
		(void)snprintf(to, CMD_STATE_MAX, "removed %.10s",
		    time_format(b->removed_ms, day));
	else if (b->bad)
		(void)snprintf(to, CMD_STATE_MAX, "found damaged %.10s",
		    time_format(b->verified_ms, day));
	else if (b->verified_level < 0)
		(void)snprintf(to, CMD_STATE_MAX, "not verified");
	else
		(void)snprintf(to, CMD_STATE_MAX, "verified to level %d %.10s",
		    b->verified_level, time_format(b->verified_ms, day));
	return to;
}

const char *
cmd_kind(int kind)
{
	switch (kind) {
	case REPO_FULL:
		return "full";
	case REPO_INCREMENT:
		return "increment";
	default:
		return "log";
	}
}

static json_t *
evidence(const struct repo_manifest *m)
{
	json_t *o = json_object();
	size_t i;

	for (i = 0; i < m->nevidence; i++)
		(void)json_object_set_new(
		    o, m->evidence[i].name, json_string(m->evidence[i].value));
	return o;
}

json_t *
cmd_state_json(const struct repo_backup *b)
{
	const struct repo_manifest *m = &b->m;
	char stored[TIME_TEXT_MAX], start[TIME_TEXT_MAX];
	char writer[2 * SIGN_FINGERPRINT_LEN + 1], state[CMD_STATE_MAX];
	char base[REPO_BACKUP_ID_LEN + 1];

	(void)str_hex(base, m->base, REPO_BACKUP_ID_LEN / 2);
	return json_pack(
	    "{s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, "
	    "s:I, s:I, s:I, s:I, s:b, s:b, s:i, s:s, s:o}",
	    "backup", b->id, "kind", cmd_kind(m->kind), "base",
	    m->kind == REPO_FULL ? NULL : base, "source", m->source, "type",
	    m->type, "host", m->host, "time", time_format(b->stored_ms, stored),
	    "started", time_format(m->start_ms, start), "writer",
	    str_hex(writer, m->writer, SIGN_FINGERPRINT_LEN), "writer_name",
	    b->writer_name, "bytes", (json_int_t)m->plain_bytes, "stored_bytes",
	    (json_int_t)m->stored_bytes, "entries", (json_int_t)m->entries,
	    "warnings", (json_int_t)m->warnings, "packs", (json_int_t)m->npacks,
	    "sequence", (json_int_t)m->seq, "removed", (int)b->removed, "bad",
	    (int)b->bad, "verified_level", b->verified_level, "state",
	    cmd_state(b, state), "evidence", evidence(m));
}
