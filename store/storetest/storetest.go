// Package storetest is the suite that every store runs: what the interfaces in packages provision, access and secret
// promise, tried from outside. A store's own test calls [Run]:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, open, reopen)
//	}
package storetest

import (
	"context"
	"io"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/directory"
	"muster/provision"
	"muster/secret"
	"muster/webhook"
)

// Store is all that a database has to keep.
type Store interface {
	provision.Store
	provision.BatchStore
	access.Store
	access.ProfileStore
	access.RoleStore
	access.TokenStore
	access.SignInStore
	access.OperatorStore
	directory.Store
	webhook.Store
	secret.KeyStore
	secret.Rewrapper

	// BatchPage reads a batch of the tenant and contract, 0 for any, and at most limit outcomes from the row at position from on,
	// all of one moment. KindNotFound, always the same error, for a batch that does not exist, is another tenant's, came
	// through another contract, or is being purged.
	BatchPage(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.BatchPage, error)

	// Audit reads records of the tenant, or of the installation where that is 0, the newest first, as [muster.AuditPage] says.
	Audit(ctx context.Context, tenant muster.ID, q muster.AuditQuery) (*muster.AuditPage, error)

	// Days gives what days brought the tenant, the earliest first: from the day of since on, or from the last one before that
	// of which anything is known, which says how many users there were. Days that brought nothing are left out.
	Days(ctx context.Context, tenant muster.ID, since time.Time) ([]muster.Day, error)

	// QueuedRows gives how many rows wait, for each tenant of whom any do.
	QueuedRows(ctx context.Context) (map[muster.ID]int64, error)

	// IDFloor is the largest id that is known to have been used, 0 if none.
	IDFloor(ctx context.Context) (muster.ID, error)

	// Initialised reports whether there is a tenant.
	Initialised(ctx context.Context) (bool, error)

	io.Closer
}

// Run runs the suite, in parallel. open gives a store without any content, closed when the test is over. reopen closes a
// store that open gave, and opens what it kept.
func Run(t *testing.T, open func(t *testing.T) Store, reopen func(t *testing.T, s Store) Store) {
	for name, test := range map[string]func(*bundle){
		"tenants are kept":                              testTenants,
		"tenants have a name and an id of their own":    testTenantConflicts,
		"departments are kept and listed":               testDepartments,
		"departments move with all below them":          testDepartmentChanges,
		"departments are refused":                       testDepartmentRefusals,
		"departments are counted under the lock":        testDepartmentReader,
		"departments follow a model":                    testDepartmentModel,
		"many change departments at once":               testDepartmentsTogether,
		"users are listed by departments":               testUserPages,
		"users are searched":                            testUserSearch,
		"users are found by the beginning of a key":     testPrefixSearch,
		"users are found by the names that they have":   testNamesFollow,
		"what became of a user is told":                 testHistory,
		"an id that no batch has is on record":          testDirectID,
		"a snapshot has the departments meant":          testSnapshotDepartments,
		"a snapshot has the departments of users":       testSnapshotHomes,
		"the only tenant is found":                      testSoleTenant,
		"links and passwords change together":           testSignIns,
		"links end with users and passwords":            testActivationsEnd,
		"users by an e-mail that is no key":             testEnabledByEmail,
		"the phone region stands while phones do":       testPhoneRegion,
		"users are read by tenant and id":               testUsers,
		"administrators are enabled and of the tenant":  testAdministrators,
		"credentials are kept":                          testCredentials,
		"credentials are refused":                       testCredentialRefusals,
		"credentials change as a whole or not":          testCredentialUpdate,
		"a batch is accepted whole":                     testAccept,
		"a batch is refused whole":                      testAcceptRefusals,
		"a repeat is the first batch until it finished": testReplay,
		"a repeat is refused where that is asked":       testReplayRefused,
		"an idempotency key gives the first batch":      testIdempotency,
		"batches that create take turns by rows":        testRoundRobin,
		"a new batch begins where its lane stands":      testLanePosition,
		"the ordered lane keeps the order":              testOrdered,
		"nobody overtakes in the ordered lane":          testNobodyOvertakes,
		"chunks are read by pieces":                     testNextLimits,
		"lanes with chunks are pending":                 testPending,
		"chunks are applied once and counted":           testApply,
		"some chunks of a batch are applied":            testApplyInPart,
		"a page shows a batch as of one moment":         testBatchPage,
		"a batch is seen through its contract alone":    testBatchNotFound,
		"a worker that comes late writes nothing":       testLateWorker,
		"rows behind waiting ones are not applied":      testOutOfOrder,
		"an error of decide undoes everything":          testDecideError,
		"a panic of decide is the row's fault":          testDecidePanic,
		"outcomes are for each row of what was live":    testDecideMistakes,
		"what the data breaks is the row's fault":       testRowFault,
		"users are written in their final state":        testWriteUsers,
		"users swap their keys":                         testSwapKeys,
		"a key passes from the deleted to the new":      testPassKey,
		"many users are written and found":              testManyUsers,
		"a snapshot has every holder once":              testSnapshot,
		"rows that did not succeed are kept":            testFailures,
		"failures are read by pages":                    testFailurePages,
		"federation profiles are kept":                  testProfiles,
		"roles are kept":                                testRoles,
		"roles are refused":                             testRoleRefusals,
		"it is known who has which role":                testUserRoles,
		"a role is taken from all of its users":         testRoleTaken,
		"a snapshot has the roles that there are":       testSnapshotRoles,
		"credentials are found with tokens":             testCredentialAndToken,
		"tokens end":                                    testTokens,
		"a refresh token is used once":                  testRefresh,
		"refused attempts are counted by windows":       testAttempts,
		"expired tokens and attempts are purged":        testPurgeTokens,
		"operators are kept and found":                  testOperators,
		"operators are refused":                         testOperatorRefusals,
		"operators change as a whole or not":            testOperatorChange,
		"sessions of operators end":                     testOperatorSessions,
		"a batch is staged by pieces":                   testStaging,
		"a staged batch is refused":                     testStagingRefusals,
		"a staged batch is given up":                    testDiscard,
		"an upload sent again is the first":             testStagingReplay,
		"a batch has one successor of a kind":           testSuccessor,
		"a commit needs what the dry run holds":         testCommitNeedsRows,
		"a dry run changes nobody":                      testDryRun,
		"a dry run sees its own rows":                   testOverlay,
		"a dry run predicts what the run does":          testPrediction,
		"a dry run holds its rows":                      testHeld,
		"a check that finds nothing runs":               testCheckHolds,
		"a check that differs is refused":               testCheckDiffers,
		"a check writes differences alone":              testCheckMistakes,
		"a batch is cancelled":                          testCancel,
		"what is over is not cancelled":                 testCancelTooLate,
		"cancelled batches leave nothing":               testCancelPredictions,
		"batches are listed":                            testBatchList,
		"outcomes are read by result and reason":        testOutcomeQueries,
		"users of a source are listed":                  testSourceUsers,
		"batches are forgotten with all they had":       testForgetAll,
		"what is read for another batch stays":          testForgetParent,
		"a chunk is split":                              testSplit,
		"a chunk that is gone is not split":             testSplitGone,
		"finished batches are purged by steps":          testPurge,
		"days count users and outcomes":                 testDays,
		"dry runs are no day's":                         testDaysOfDryRuns,
		"days are kept for a while":                     testPurgeDays,
		"it is known whose rows wait":                   testQueuedRows,
		"replays are forgotten":                         testPurgeReplays,
		"tenants see nothing of each other":             testIsolation,
		"keys are kept":                                 testKeys,
		"what is sealed names a key on record":          testUnknownKey,
		"sealed things are wrapped anew by steps":       testRewrap,
		"what is done is recorded with it":              testAudit,
		"nothing done is nothing recorded":              testAuditNothing,
		"records are found":                             testAuditQueries,
		"many record at once":                           testAuditTogether,
		"webhooks are kept":                             testWebhooks,
		"webhooks are refused":                          testWebhookRefusals,
		"webhooks are told what happens":                testEvents,
		"webhooks are told who lost a role":             testEventsOfRoles,
		"webhooks hear nothing of what was not":         testNoEvents,
		"deliveries are tried again":                    testDeliveries,
		"a delivery is one sender's at a time":          testLease,
		"webhooks fail for a while":                     testFailing,
		"the trail is purged":                           testPurgeTrail,
		"what waits to be sent is kept":                 testRestartedDeliveries,
		"many work at once":                             testConcurrency,
		"a write that waits is withdrawn":               testWithdraw,
		"everything outlives the process":               testRestart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bundle{T: t, store: open(t), open: open, reopen: reopen}
			b.prepare()
			test(b)
		})
	}
}
