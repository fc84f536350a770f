#ifndef CONFIG_CONFIG_OPTION_TABLE_H_
#define CONFIG_CONFIG_OPTION_TABLE_H_

#include "config/config_option.h"

/* The tables themselves; both end with a row whose name is NULL. */
extern const struct config_option config_option_table[];
extern const struct config_type config_type_table[];

#endif /* !CONFIG_CONFIG_OPTION_TABLE_H_ */
