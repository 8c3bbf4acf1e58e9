/**
 * Codes that more than one file may give, each with the one meaning that all of them have. Every other code is
 * written in one file alone: two files that mean different things take two codes.
 */
export const SHARED_CODES: Readonly<Record<string, string>> = {
  'already-cut-over': 'The recovered node leads the cluster: the cut-over has happened.',
  'archive-not-proved':
    'It is not proved that the archive holds what the new leader has written: it holds something else, or it could not be looked at.',
  'argument-missing': 'A word that the command needs was not given.',
  'check-not-run':
    'A command that only looks could not be run, so it is not known whether there is anything to do.',
  'cluster-paused':
    'The cluster is in pause (maintenance mode), in which Patroni starts and stops no PostgreSQL.',
  'command-failed': 'A command ended with an exit code other than 0, or by a signal.',
  'command-timed-out': 'A command did not end within its time, and was ended.',
  'connection-lost': 'The connection to the host ended while it was in use.',
  'data-directory-unreadable':
    'The data directory of PostgreSQL could not be looked into by the user of the task.',
  'destination-exists': 'Both the old name and the new one exist, so nothing is renamed.',
  'file-missing': 'There is no such file on the host.',
  'host-pattern':
    'A pattern of hosts cannot be read, or names a host or group that the inventory does not have.',
  'host-unknown': 'The inventory has no host of that name.',
  interrupted: 'The operator stopped the run (Ctrl-C or a signal), and what was under way was given up.',
  'interrupted-at-question': 'The operator stopped pitr at a question. Nothing was answered.',
  'inventory-dynamic': 'The inventory is a program or a plugin of Ansible. pitr reads plain YAML and JSON.',
  'journal-not-ours':
    'The journal of the run is not sealed with the key of this controller: it comes from elsewhere, or it was changed.',
  'member-data-unknown':
    'The data of another member cannot be looked at, and a decision rests on what it is.',
  'member-leads': 'The member leads the cluster, and a leader is not copied anew.',
  'member-not-in-inventory':
    'A member of the cluster is no host of the run, so nobody would stop it and it would take the leadership.',
  'member-silent': "The member's own Patroni does not answer, and it alone can do what is asked.",
  'members-named-otherwise': 'Patroni and the inventory name the nodes differently.',
  'member-runs-again':
    'A member that the run has stopped was started again by somebody. It would take the leadership with its old data.',
  'module-ambiguous': 'A name without a family fits several modules.',
  'module-unknown': 'There is no module of that name.',
  'module-without-family': 'A module is written with its family, as in fs.copy.',
  'no-data-directory': 'There is no data of PostgreSQL where it should lie.',
  'no-leader': 'The cluster has no leader, and the task needs one.',
  'nobody-to-ask': 'A question has to be answered, and pitr was started without a terminal.',
  'not-a-file': 'Something else than a file lies at that path.',
  'nothing-waits': 'No recovery waits isolated on that node.',
  'old-data-missing': 'The old data that the way back needs does not lie where it was kept.',
  'option-needs-value': 'An option stands without its value.',
  'other-cluster': 'A host or a backup belongs to another cluster.',
  'other-data-directory': 'PostgreSQL has its data in another directory than the inventory says.',
  'outside-cluster': 'The host is no member of the cluster, and the playbook is for members.',
  'param-unknown': 'The module has no param of that name.',
  'postgres-does-not-run': 'PostgreSQL does not run there, and the task needs it.',
  'postgres-ended': 'PostgreSQL ended while the task waited for it.',
  'prepare-elsewhere':
    'Files of a recovery can be prepared on the node that they are for, or on the Barman host.',
  'recovery-waiting': 'An earlier recovery of this cluster has ended and waits for a decision.',
  'service-manager-silent':
    'What runs the services of a host (supervisord, systemd) does not answer, or not what it was asked for.',
  'service-unknown': 'The service manager of the host knows no service of that name.',
  'spool-place-in-use':
    'In the place where WAL would wait for its replay lies something that pitr has not put there.',
  'still-in-recovery': 'PostgreSQL is still in recovery there, so its recovery settings are needed.',
  'streaming-unknown':
    'Nobody tells whether the member follows the leader, and nothing that was seen speaks against it.',
  'tablespace-place-in-use': 'The place for a tablespace holds something already.',
  'tablespace-since-backup':
    'The old data has a tablespace that the restored data does not have yet: its replay would write into that.',
  'target-before-backup-end':
    'The target lies before the end of the backup, and no backup can be recovered to less than that.',
  'target-does-not-lead': 'Members are rebuilt from the node that leads, and the target does not lead.',
  'target-unknown': 'The target is no node of the cluster.',
  'template-syntax': 'A template cannot be read.',
  'timeline-taken': 'The timeline that the node would open is in use by other data.',
  'timeout-invalid': 'The value of --timeout is no number of seconds.',
  'tool-missing': 'A program that the task needs is not installed on the host.',
  'tree-unreadable': 'A directory could not be read with all that is in it.',
  'undefined-variable': 'A template or condition uses a variable that is not defined.',
  'unknown-key': 'A play, block, task or handler has a key that is not known there.',
  'variable-name': 'That name cannot be the name of a variable.',
  'variable-unknown':
    'Names that begin with pitr_ are for variables of pitr, and pitr has none of that name.',
  'wal-damaged': 'A WAL segment in the archive cannot be read to its end.',
  'wal-missing': 'A WAL segment that the recovery needs is in no archive.',
};
