// Package crashtest holds a real server to its promises while it is killed and stopped under load. It has tests only:
// they build the binary, run it as a child process on a data folder of its own, and call it over HTTP with signatures,
// as any client would.
//
//   - TestKill: whatever instant SIGKILL comes at, an acknowledged batch finishes, every row has exactly one outcome that
//     never changes, and no user is there twice or missing.
//   - TestDrain: the same for SIGTERM, at which the server ends by itself, in time and with exit code 0.
//   - TestNoSecretAtRest: at no such instant does a byte of a password or an application's secret lie in the data folder,
//     the logs or the temporary folder.
//
// The environment sets sizes: CRASHTEST_USERS and CRASHTEST_KILLS of TestKill, CRASHTEST_SEED for the load and the
// instants of an earlier run (how the processes interleave is not repeated by it), CRASHTEST_BINARY for a binary to test
// instead of building one, CRASHTEST_KEEP for a folder, on the file system of the temporary one, to which a failed test
// moves what its server worked on.
package crashtest
