#include "cmd/cmd_params.h"
#include "base/err.h"
#include "base/params.h"
#include "cmd/cmd_ctx.h"

int
cmd_params_entry(
    const struct config_entry *e, struct params **ret, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	int rc;

	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = params_copy(p, e->params, err)) < 0)
		return rc;
	*ret = TAKE(p);
	return 0;
}

/* Make the values of the line the only ones of the option. */
static int
replace(struct ctx *ctx, const struct config_option *o, struct params *p,
    struct err *err)
{
	const char *word = config_option_word(o), *v;
	size_t i;
	int rc;

	for (i = 0; (v = ctx_given(ctx, o, i)) != NULL; i++) {
		rc = i == 0 ? params_set(p, word, v, err)
			    : params_add(p, word, v, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int
cmd_params_line(struct ctx *ctx, unsigned places, const char *type,
    struct params *p, struct err *err)
{
	const struct config_option *o;
	size_t i;
	int rc;

	for (i = 0; (o = config_option_at(i)) != NULL; i++)
		if ((o->places & places) && cmd_takes(ctx_cmd(ctx), o) &&
		    config_option_for(o, type) &&
		    (rc = replace(ctx, o, p, err)) < 0)
			return rc;
	return 0;
}

int
cmd_params_stray(struct ctx *ctx, enum option_place place,
    bool (*knows)(const void *, const struct config_option *), const void *arg,
    struct err *err)
{
	const struct config_option *o;
	char flag[OPTION_FLAG_MAX];
	size_t i;

	for (i = 0; (o = config_option_at(i)) != NULL; i++) {
		if (!(o->places & place) || o->only == NULL ||
		    !cmd_takes(ctx_cmd(ctx), o) ||
		    ctx_given(ctx, o, 0) == NULL || knows(arg, o))
			continue;
		(void)err_set(err, HF_EUSAGE,
		    "'%s' is for no %s that is used here",
		    config_option_flag(o, flag), config_place_word(place));
		return err_hint(err, "it is for the type: %s", o->only);
	}
	return 0;
}
