package sqlite

import "strings"

// statement is one of the SQL statements that the package uses. All of them stand in statementText, so that a test can
// look at every one's plan; beside these there are only transaction control, PRAGMA, the migrations, and what a [Source]
// reads tables with as a whole.
type statement int

const (
	insertTenant statement = iota
	selectTenant
	selectTenantNamed
	selectTenantAt
	selectSoleTenant
	selectTenants
	selectTenantIDs
	selectAnyTenant
	updateTenant
	insertUsage
	selectQueued
	selectUsage
	updateUsageApplied
	updateUsageAccepted
	updateUsageSplit
	upsertDay
	selectDays
	deleteDays
	selectPhoneUser

	insertUser
	insertUsers
	updateUser
	updateUserKeys
	updateUserNames
	releaseKeys
	deleteUsers
	selectUser
	selectUsersByID
	selectFewByAccount
	selectManyByAccount
	selectFewByPhone
	selectManyByPhone
	selectFewByEmail
	selectManyByEmail
	outlineFewByAccount
	outlineManyByAccount
	outlineFewByPhone
	outlineManyByPhone
	outlineFewByEmail
	outlineManyByEmail
	selectAdministrators
	pageUsers
	pageUsersMatching
	pageUsersWithin
	pageUsersMatchingWithin
	countUsersMatching
	countUsersWithin
	countUsersMatchingWithin
	pageRoleUsers
	selectEnabledByEmail
	selectSourceUsers
	searchAccounts
	searchPhones
	searchEmails
	searchNames
	pageUsersOf
	pageUsersMatchingOf

	insertDepartment
	selectDepartment
	selectDepartmentAt
	selectDepartmentsByID
	selectDepartmentsByPath
	selectDepartmentsByName
	selectChildren
	selectMatchingDepartment
	selectTree
	selectDeepest
	countDepartment
	updateDepartment
	moveDepartments
	deleteDepartments

	upsertActivation
	selectActivations
	deleteActivations
	purgeActivations
	updateSignIn

	insertRole
	selectRole
	selectRoleNamed
	selectRoles
	selectRolesByID
	updateRole
	deleteRole
	insertUserRoles
	deleteUserRoles
	countRoleUsers
	selectRoleUsers
	takeRole
	deleteRoleUsers

	insertCredential
	selectCredential
	selectTenantCredential
	selectTenantCredentials
	updateCredential
	insertSecret
	deleteSecrets
	selectSecrets
	selectTenantSecrets

	upsertProfile
	selectProfile
	selectWrappedProfile
	replaceProfileSecret
	countProfileSecret
	selectProfileSecretUse

	insertToken
	selectToken
	selectRefresh
	useRefresh
	deleteFamily
	deleteTokens
	upsertAttempt
	selectAttempt
	deleteAttempts

	insertOperator
	selectOperator
	selectOperatorByEmail
	selectOperatorBySubject
	selectOperatorByInvitation
	selectOperators
	updateOperator
	seeOperator
	deleteOperator
	insertOperatorSession
	selectOperatorSession
	extendOperatorSession
	deleteOperatorSession
	deleteOperatorsSessions
	deleteExpiredSessions

	selectReplay
	upsertReplay
	deleteReplays
	insertBatch
	selectBatch
	selectBatches
	selectUnfinished
	updateBatch
	finishBatch
	changeMode
	insertChunk
	insertPayload
	selectChunk
	selectChunks
	selectLive
	selectFirstOrdered
	selectWaiting
	deleteChunks
	deletePayloads
	holdChunks
	moveChunks
	upsertLane
	selectLane
	insertOutcome
	insertOutcomes
	selectOutcomes
	selectHistory
	selectSuccesses
	selectUnsuccessful
	selectFailures
	insertKept
	selectKept
	upsertReason
	selectReasons
	insertDifference
	insertDifferences
	selectDifferences

	selectStaged
	stageMore
	acceptStaged
	selectSuccessor
	selectParent
	countStaged
	discardStaged
	selectHeld

	upsertOverlay
	upsertOverlays
	selectPredicted
	updatePredicted
	overlaidByID
	overlaidFewByAccount
	overlaidManyByAccount
	overlaidFewByPhone
	overlaidManyByPhone
	overlaidFewByEmail
	overlaidManyByEmail

	selectForgotten
	forgetBatch
	selectUnstaged
	selectUnheld
	destroyPayloadKey
	selectOverlaid
	endOverlaid
	deleteOutcomes
	deleteKept
	deleteDifferences
	deleteOverlay
	deleteReasons
	erasePayloads
	eraseChunks
	deleteBatch

	upsertNode
	selectIDFloor

	selectKeys
	selectKeyVersion
	insertKey
	rewrapKey
	deleteKey
	selectWrappedPayloadKeys
	selectWrappedKeptKeys
	replacePayloadKey
	replaceKeptKey
	replaceSecret
	countPayloadKeys
	countKeptKeys
	countSecrets
	selectPayloadKeyUse
	selectKeptKeyUse
	selectSecretUse

	insertAudit
	selectAudit
	selectAuditByAction
	selectAuditByUser
	selectAuditByTarget
	deleteAudit

	insertHook
	selectHook
	selectHooks
	updateHook
	deleteHook
	insertHookSecret
	selectHookSecrets
	selectTenantHookSecrets
	replaceHookSecret
	countHookSecrets
	selectHookSecretUse
	deleteHookSecrets

	selectLastEvent
	insertEvent
	deleteEvents
	insertDelivery
	selectDelivery
	selectDeliveries
	resendDelivery
	deleteDeliveries
	upsertOutbox
	updateOutbox
	selectDueTenants
	selectDue
	leaseDelivery
	settleDelivery
	updateFailing
	selectFailing

	statementCount
)

const (
	// insertRows is how many rows a multi-row INSERT has. Measured for a thousand users and as many outcomes in random
	// key order: a row at a time 9.3 ms, 25 rows 8.1, 50 rows 8.0, 100 rows 8.1, one json_each of a thousand 27.7.
	insertRows = 50

	// A look-up by key joins a VALUES list of one of two lengths, filled up with NULL, which matches nobody. Measured for
	// a thousand phones that nobody has: lists of 500 0.77 ms, of 100 0.95, IN with 500 1.1, json_each 1.1, a key at a time 4.
	// json_each would end a key at a zero byte, too.
	lookupFew  = 20
	lookupMany = 500
)

const (
	tenantColumns = `id, name, host, root_department, settings, created_at, key_version`

	userColumns = `tenant, id, account, account_key, phone, phone_key, email, email_key, first_name, surname, display_name,
		password_hash, level, disabled, department, capacity_gb, roles, must_change_password, token_epoch, source, created_at, updated_at`
	userColumnCount = 22

	// userKeyed are userColumns with what users are searched by the names of.
	userKeyed      = userColumns + `, display_name_key, full_name_key, surname_key`
	userKeyedCount = userColumnCount + 3

	// operatorColumns are all that an operator is.
	operatorColumns = `id, tenant, name, email, email_key, role, disabled, subject, password_hash, language, epoch, invitation,
		invited_until, created_at, last_seen_at`

	departmentColumns = `id, parent, name, id_path, name_path, created_at`

	outcomeColumns     = `tenant, batch, row, id, result, reason, field, detail, user, subject`
	outcomeColumnCount = 10

	overlayColumnCount = 8

	batchColumns = `b.id, b.sequence, b.contract, b.lane, b.mode, b.name, b.app_id, b.actor, b.actor_level, b.trace_id, b.total,
		b.succeeded, b.failed, b.skipped, b.cancelled, b.accepted_at, b.started_at, b.finished_at, coalesce(b.parent, 0), b.origin,
		b.guarded, b.checked, b.differing, b.source, b.withheld, b.passwords, b.held_until`
	visible = `b.forgotten = 0 AND b.staged_until IS NULL`
)

// values is a VALUES list of parameters.
func values(rows, columns int) string {
	row := "(" + strings.Repeat("?, ", columns-1) + "?)"
	return "VALUES " + strings.Repeat(row+", ", rows-1) + row
}

// anyMatches says that one of the columns matches a [pattern], whose two parts are the parameters ?2 and ?3.
func anyMatches(columns ...string) string {
	for i, column := range columns {
		columns[i] = column + ` LIKE ?2 ESCAPE '\' AND ` + column + ` GLOB ?3`
	}
	return "(" + strings.Join(columns, " OR ") + ")"
}

// usersWithin are the users of the tenant ?1 whose department's IDPath lies between ?4 and ?5, and its id above ?9.
const usersWithin = `users INDEXED BY users_department WHERE tenant = ?1 AND department IN
	(SELECT id FROM departments INDEXED BY departments_id_path WHERE tenant = ?1 AND id_path >= ?4 AND id_path < ?5 AND id > ?9)`

// usersOf are the users of the department ?9 behind the user ?8, where its IDPath lies between ?4 and ?5.
const usersOf = `SELECT ` + userColumns + ` FROM users INDEXED BY users_department WHERE tenant = ?1 AND department = ?9 AND id > ?8
	AND EXISTS (SELECT 1 FROM departments WHERE tenant = ?1 AND id = ?9 AND id_path >= ?4 AND id_path < ?5)`

// search finds users by the beginning of a key, in its order: below ?2, and behind the user ?4 who has the key ?3.
func search(column, index string) string {
	return found(column, index) + ` ORDER BY name, id LIMIT ?5`
}

// found is search without an order.
func found(column, index string) string {
	return `SELECT ` + column + ` AS name, ` + userColumns + ` FROM users INDEXED BY ` + index + `
		WHERE tenant = ?1 AND ` + column + ` < ?2 AND (` + column + `, id) > (?3, ?4)`
}

// prefixed puts a table's alias before each of the columns.
func prefixed(alias, columns string) string {
	return alias + "." + strings.Join(strings.Fields(columns), " "+alias+".")
}

// lookup finds the users who hold any of the keys. The index is named, since without statistics the planner would rather
// walk the tenant's users.
func lookup(columns, column, index string, keys int) string {
	return `SELECT ` + columns + ` FROM (` + values(keys, 1) + `) AS wanted
		CROSS JOIN users INDEXED BY ` + index + ` ON ` + column + ` = wanted.column1 WHERE tenant = ?`
}
