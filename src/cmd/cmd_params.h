#ifndef CMD_CMD_PARAMS_H_
#define CMD_CMD_PARAMS_H_

#include "config/config.h"

/* Opaque types. */
struct ctx;
struct err;
struct params;

/*
 * How a thing that was said somewhere becomes the params of its driver.
 */

/**
 * cmd_params_entry(e, ret, err):
 * Copy what the configuration says of an entry.
 */
int cmd_params_entry(
    const struct config_entry *, struct params **, struct err *);

/**
 * cmd_params_line(ctx, places, type, params, err):
 * Put the options of the line and the environment that an entry of ${type}
 * in ${places} knows on top of ${params}.
 */
int cmd_params_line(
    struct ctx *, unsigned, const char *, struct params *, struct err *);

/**
 * cmd_params_stray(ctx, place, knows, arg, err):
 * HF_EUSAGE if the line has an option of ${place} that is for certain types
 * only, and ${knows(arg, o)} is false: it would be ignored otherwise.
 */
int cmd_params_stray(struct ctx *, enum option_place,
    bool (*)(const void *, const struct config_option *), const void *,
    struct err *);

#endif /* !CMD_CMD_PARAMS_H_ */
