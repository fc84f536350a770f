#include <stddef.h>

#include "cmd/cmd.h"

extern const struct cmd cmd_backup;
extern const struct cmd cmd_cat;
extern const struct cmd cmd_completion;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_drill_etcd;
extern const struct cmd cmd_etcd_backup_backup;
extern const struct cmd cmd_etcd_backup_prune;
extern const struct cmd cmd_etcd_backup_restore;
extern const struct cmd cmd_etcd_backup_rotate;
extern const struct cmd cmd_etcd_check;
extern const struct cmd cmd_etcd_diff;
extern const struct cmd cmd_etcd_export;
extern const struct cmd cmd_etcd_get;
extern const struct cmd cmd_etcd_ls;
extern const struct cmd cmd_etcd_plan;
extern const struct cmd cmd_follow;
extern const struct cmd cmd_help;
extern const struct cmd cmd_import_etcd_backup;
extern const struct cmd cmd_init;
extern const struct cmd cmd_key_add;
extern const struct cmd cmd_key_list;
extern const struct cmd cmd_key_remove;
extern const struct cmd cmd_keygen;
extern const struct cmd cmd_list;
extern const struct cmd cmd_prune;
extern const struct cmd cmd_restore;
extern const struct cmd cmd_rotate_key;
extern const struct cmd cmd_seal;
extern const struct cmd cmd_show;
extern const struct cmd cmd_unseal;
extern const struct cmd cmd_verify;
extern const struct cmd cmd_writer_add;
extern const struct cmd cmd_writer_list;
extern const struct cmd cmd_writer_revoke;
extern const struct cmd cmd_writer_show;

/* In the order of help; commands of one first word stand side by side. */
const struct cmd *const cmd_table[] = {
	&cmd_init,
	&cmd_backup,
	&cmd_follow,
	&cmd_list,
	&cmd_show,
	&cmd_verify,
	&cmd_drill_etcd,
	&cmd_restore,
	&cmd_cat,
	&cmd_etcd_ls,
	&cmd_etcd_get,
	&cmd_etcd_export,
	&cmd_etcd_diff,
	&cmd_etcd_plan,
	&cmd_etcd_check,
	&cmd_prune,
	&cmd_key_list,
	&cmd_key_add,
	&cmd_key_remove,
	&cmd_rotate_key,
	&cmd_writer_list,
	&cmd_writer_show,
	&cmd_writer_add,
	&cmd_writer_revoke,
	&cmd_seal,
	&cmd_unseal,
	&cmd_keygen,
	&cmd_import_etcd_backup,
	&cmd_etcd_backup_backup,
	&cmd_etcd_backup_restore,
	&cmd_etcd_backup_rotate,
	&cmd_etcd_backup_prune,
	&cmd_doctor,
	&cmd_completion,
	&cmd_help,
	NULL,
};
