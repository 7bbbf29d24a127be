// Package crashtest holds a real server to its promises while it is killed and stopped under load. It has tests only:
// they build the binary, run it as a child process on a data folder of its own, and call it over HTTP with signatures,
// as any client would.
//
//   - TestKill: whatever instant SIGKILL comes at, an acknowledged batch finishes, every row has exactly one outcome that
//     never changes, and no user is there twice or missing.
//   - TestDrain: the same for SIGTERM, at which the server ends by itself, in time and with exit code 0.
//   - TestNoSecretAtRest: at no such instant does a byte of a password or an application's secret lie in the data folder,
//     the logs or the temporary folder.
//   - TestKillFederated: whatever instant SIGKILL comes at, federated tasks run in the order in which their tenant's were
//     accepted, each once though it is sent again, and leave the directory and the failures that a model of a few lines leaves.
//     Four workers have the tasks of eight tenants, or of one.
//   - TestKillRehearsed: whatever instant SIGKILL comes at, batches that are rehearsed, committed, cancelled and retried have one
//     outcome for each row, and leave the users of those that succeeded outside of dry runs.
//   - TestClusterFaults: the same of lists and tasks that clients hand in to two nodes on PostgreSQL, whatever happens to either:
//     nodes are killed, stand still or are cut off, PostgreSQL is killed, replaced by its standby, frozen, cut off, or its disk
//     is full. It prints a table of the faults.
//   - TestFrozenDatabase: the same when another process holds the write lock of the database under a running server, at full
//     size for longer than the server waits for it.
//
// The environment sets sizes: CRASHTEST_USERS and CRASHTEST_KILLS of TestKill, CRASHTEST_TASKS of 100 rows and
// CRASHTEST_ACCOUNTS of both federated tests, CRASHTEST_KILLS_FEDERATED of TestKillFederated, CRASHTEST_REHEARSED lists and
// CRASHTEST_KILLS_REHEARSED of TestKillRehearsed, CRASHTEST_FREEZE, in seconds, of
// TestFrozenDatabase and of PostgreSQL. Of TestClusterFaults each fault has CRASHTEST_CLUSTER_USERS, CRASHTEST_CLUSTER_TASKS of
// 100 rows and CRASHTEST_CLUSTER_ACCOUNTS, and there are CRASHTEST_NODE_KILLS, CRASHTEST_DATABASE_KILLS, CRASHTEST_FAILOVERS
// with a standby that is CRASHTEST_BEHIND seconds behind, CRASHTEST_CUTS of connections, CRASHTEST_FILLS of the disk, and
// CRASHTEST_PAUSE, in seconds, for which a node stands still or is cut off. CRASHTEST_SEED is for the load and the instants of an
// earlier run (how the processes interleave is not repeated by it), CRASHTEST_BINARY for a binary to test instead of building
// one, CRASHTEST_KEEP for a folder, on the file system of the temporary one, to which a failed test moves what its server
// worked on.
package crashtest
