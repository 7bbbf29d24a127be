package postgres

// statement is one of the SQL statements that the package uses. All of them stand in statementText, so that a test can
// look at every one's plan; beside these there are only transaction control, settings, the migrations, what wakes a lane, and
// what a [Target] reads and writes tables with as a whole.
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
	lockUsage
	selectUsage
	updateUsageApplied
	updateUsageAccepted
	updateUsageSplit
	updateUsageDiscarded
	updateLastID
	selectPhoneUser

	insertUsers
	updateUsers
	releaseKeys
	deleteUsers
	selectUsersByID
	selectUsersByAccount
	selectUsersByPhone
	selectUsersByEmail
	outlineByAccount
	outlineByPhone
	outlineByEmail
	selectEnabledByEmail
	insertUserNames
	deleteUserNames
	searchAccounts
	searchPhones
	searchEmails
	searchNames
	pageUsersOf
	pageUsersMatchingOf
	selectAdministrators

	insertDepartments
	selectDepartment
	selectDepartmentAt
	selectDepartmentsByID
	selectDepartmentsByPath
	selectDepartmentsByName
	selectChildren
	selectMatchingDepartment
	selectTree
	selectDeepest
	countMembers
	countChildren
	updateDepartment
	moveDepartments
	deleteDepartments

	selectNow
	upsertActivations
	selectActivations
	deleteActivations
	purgeActivations
	updateSignIns

	pageUsers
	pageUsersMatching
	pageUsersWithin
	pageUsersMatchingWithin
	countUsersMatching
	countUsersWithin
	countUsersMatchingWithin

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

	insertCredentialIndex
	selectCredentialIndex
	insertCredential
	selectCredential
	selectCredentials
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

	insertTokens
	insertTokenIndex
	selectTokenIndex
	selectToken
	selectRefresh
	useRefresh
	selectFamily
	selectExpiredTokens
	deleteTokens
	deleteTokenIndex
	upsertAttempts
	selectAttempts
	deleteAttempts

	insertOperator
	selectOperator
	selectOperatorByEmail
	selectOperatorBySubject
	selectOperatorByInvitation
	selectOperators
	lockOperator
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
	selectBatchExists
	insertBatch
	selectBatch
	selectBatches
	selectUnfinished
	updateBatches
	updateMode
	updateCheckProgress
	insertChunk
	selectChunk
	selectChunks
	selectLive
	selectFirstOrdered
	selectQueued
	selectLanes
	deleteChunks
	holdChunks
	moveChunks
	upsertLane
	selectLane
	insertOutcomes
	selectOutcomes
	selectOutcomesByReason
	selectSucceeded
	selectFailures
	insertKept
	selectKept
	upsertReasons
	selectReasons
	insertDifferences
	selectDifferences
	selectSourceUsers

	selectStaging
	selectSuccessor
	extendStaging
	completeBatch
	discardBatch
	selectHeld

	selectOverlayByID
	selectOverlayByAccount
	selectOverlayByPhone
	selectOverlayByEmail
	upsertOverlay
	selectPredicted
	updatePredicted

	selectExpired
	selectForgotten
	forgetBatch
	deleteOutcomes
	deleteKept
	deleteDifferences
	deleteOverlay
	clearOverlaid
	deleteHeld
	deleteStaged
	erasePayloadKey
	deleteReasons
	deleteBatch

	selectIDFloor
	updateChecked
	selectServesFrom
	selectSchema
	lockFirst

	selectClock
	raiseNumbers
	takeNumber
	extendNumber
	releaseNumber

	lockKeysShared
	lockKeys
	selectKeys
	selectKeyVersions
	insertKeys
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

	insertEvents
	deleteEvents
	selectDelivery
	selectDeliveries
	resendDelivery
	deleteDeliveries
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
	tenantColumns = `id, name, host, root_department, settings, created_at, key_version`

	userColumns = `id, account, account_key, phone, phone_key, email, email_key, first_name, surname, display_name,
		password_hash, must_change_password, token_epoch, level, disabled, department, capacity_gb, roles, source, created_at, updated_at`

	// userList are the users' values as arrays, one for each column but the times.
	userList = `unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
		$11::text[], $12::text[], $13::boolean[], $14::bigint[], $15::smallint[], $16::boolean[], $17::bigint[], $18::bigint[], $19::text[],
		$20::text[]) AS n(id, account, account_key, phone, phone_key, email, email_key, first_name, surname, display_name,
			password_hash, must_change_password, token_epoch, level, disabled, department, capacity_gb, roles, source)`

	departmentColumns = `id, parent, name, id_path, name_path, created_at`

	// operatorColumns are all that an operator is.
	operatorColumns = `id, tenant, name, email, email_key, role, disabled, subject, password_hash, language, epoch, invitation,
		invited_until, created_at, last_seen_at`

	// batchColumns are what a batch is, and batchProgress how far it is.
	batchColumns = `b.id, b.sequence, b.contract, b.lane, b.mode, b.name, b.app_id, b.actor, b.actor_level, b.trace_id, b.total,
		b.accepted_at, b.parent, b.origin, b.guarded, b.source, b.withheld, b.passwords`
	batchProgress = `b.succeeded, b.failed, b.skipped, b.cancelled, b.checked, b.differing, b.started_at, b.finished_at, b.held_until`

	// accepted is said of batches that can be seen: they are no longer staged, and not being purged.
	accepted = `b.staged_until IS NULL AND NOT b.forgotten`

	outcomeColumns = `row, id, result, reason, field, detail, user_id, subject`

	overlayColumns = `user_id, account_key, phone_key, email_key, gone, data`

	chunkColumns = `c.batch, c.first_row, c.rows, c.first_id, c.first_user, c.payload, c.rank, c.sequence`

	// Locks of the whole database (pg_advisory_xact_lock): "muster" in ASCII, and a number.
	keysLock      = `7887337266164662273`
	migrationLock = `7887337266164662274`
	firstLock     = `7887337266164662275`
)

// A statement that is about a list goes from each of its elements to the rows that it names, by the whole key of an index.
// The planner must have no choice there: without statistics, which a table has none of for the first minutes of its growth, it
// takes tenants for small, and would rather walk all that a tenant has. A subquery with OFFSET is not merged into what is around
// it, and so is asked once for each element; nor can MERGE that may insert begin with the table.

// each reads rows for each element of a list of the type, which is $2. The condition names the element n.key.
func each(columns, table, condition, of string) string {
	return `SELECT t.* FROM unnest($2::` + of + `[]) AS n(key)
		CROSS JOIN LATERAL (SELECT ` + columns + ` FROM ` + table + ` WHERE tenant = $1 AND ` + condition + ` OFFSET 0) AS t`
}

// lookup finds the users who hold any of the keys.
func lookup(columns, column string) string {
	return each(columns, "users", column+" = n.key AND "+column+" <> ''", "text")
}

const (
	// neverInserts ends a MERGE, whose source is to come first.
	neverInserts = ` WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES`

	ids = `(SELECT DISTINCT id FROM unnest($2::bigint[]) AS l(id)) AS n`
)

// change changes the rows of a table that a list names; its elements are called n.
func change(table, set, list, condition string) string {
	return `MERGE INTO ` + table + ` AS t USING ` + list + ` ON t.tenant = $1 AND ` + condition + ` WHEN MATCHED THEN UPDATE SET ` + set + neverInserts
}

// remove deletes the rows of a table that a list names; its elements are called n.
func remove(table, list, condition string) string {
	return `MERGE INTO ` + table + ` AS t USING ` + list + ` ON t.tenant = $1 AND ` + condition + ` WHEN MATCHED THEN DELETE` + neverInserts
}

// insertOutcomesInto inserts outcomes, which come as arrays.
func insertOutcomesInto(table string) string {
	return `INSERT INTO ` + table + ` (tenant, batch, ` + outcomeColumns + `)
		SELECT $1, n.* FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::smallint[], $6::smallint[], $7::text[], $8::text[],
			$9::bigint[], $10::text[]) AS n`
}

// taken walks from chunk to chunk, in an order and from a place on, until there are $rows rows. batch tells which rows of the
// table batches belong to a chunk c.
func taken(from, next, order, rows, batch string) string {
	first := func(condition string) string {
		return ` FROM chunks AS c WHERE c.tenant = $1 AND ` + condition + ` ORDER BY ` + order + ` LIMIT 1)`
	}
	return `WITH RECURSIVE taken AS (
			(SELECT ` + chunkColumns + `, c.rows::bigint AS total` + first(from) + `
			UNION ALL
			SELECT c.*, t.total + c.rows FROM taken AS t CROSS JOIN LATERAL (SELECT ` + chunkColumns + first(next) + ` AS c
			WHERE t.total + c.rows <= ` + rows + `)
		SELECT c.batch, c.first_row, c.rows, c.first_id, c.first_user, c.payload, c.rank, ` + batchColumns + `, b.payload_key, b.kept_key
		FROM taken AS c CROSS JOIN LATERAL (SELECT * FROM batches AS b WHERE b.tenant = $1 AND ` + batch + ` OFFSET 0) AS b ORDER BY ` + order
}

// some deletes of a table's rows of the batch $2 those that come first, at most $3.
func some(table, column string) string {
	return `DELETE FROM ` + table + ` WHERE tenant = $1 AND batch = $2 AND ` + column + ` <= (SELECT max(` + column + `) FROM
		(SELECT ` + column + ` FROM ` + table + ` WHERE tenant = $1 AND batch = $2 ORDER BY ` + column + ` LIMIT $3) AS o)`
}

// overlaid finds in the overlay of the batch $3 those who hold any of the keys there, and those who hold them in truth.
func overlaid(column string) string {
	return `SELECT t.* FROM unnest($2::text[]) AS n(key)
		CROSS JOIN LATERAL (SELECT id FROM users WHERE tenant = $1 AND ` + column + ` = n.key AND ` + column + ` <> ''
			UNION ALL SELECT user_id FROM overlay WHERE tenant = $1 AND batch = $3 AND ` + column + ` = n.key AND ` + column + ` <> '' OFFSET 0) AS u
		CROSS JOIN LATERAL (SELECT ` + overlayColumns + ` FROM overlay WHERE tenant = $1 AND batch = $3 AND user_id = u.id OFFSET 0) AS t`
}

// successor finds the first batch that was made of the parent by the origin, but for one that was refused (mode 3).
func successor(parent, origin string) string {
	return `SELECT id FROM batches WHERE tenant = $1 AND parent = ` + parent + ` AND parent <> 0 AND origin = ` + origin + ` AND mode <> 3
			AND staged_until IS NULL AND NOT forgotten ORDER BY id LIMIT 1`
}

// usersWithin are the users of the tenant $1 whose department's IDPath lies between $2 and $3, and its id above $4, by department and
// id.
const usersWithin = `(SELECT id FROM departments WHERE tenant = $1 AND id_path >= $2 AND id_path < $3 AND id > $4 ORDER BY id) AS d
	CROSS JOIN LATERAL (SELECT ` + userColumns + ` FROM users WHERE tenant = $1 AND department = d.id ORDER BY id) AS u`

// usersOf are the users of the department $4 behind the user $5, where its IDPath lies between $2 and $3, by id.
const usersOf = `(SELECT id FROM departments WHERE tenant = $1 AND id = $4 AND id_path >= $2 AND id_path < $3) AS d
	CROSS JOIN LATERAL (SELECT ` + userColumns + ` FROM users WHERE tenant = $1 AND department = d.id AND id > $5 ORDER BY id) AS u`

// search finds users by the beginning of a key, in its order, which is also that of an index: below $2, and behind the user $4 who
// has the key $3.
func search(column, order string) string {
	return `SELECT ` + column + `, ` + userColumns + ` FROM users WHERE tenant = $1 AND ` + column + ` <> '' AND ` + column + ` < $2
		AND (` + column + `, id) > ($3, $4) ORDER BY ` + order + ` LIMIT $5`
}

// userText is all that a keyword is looked for in, with a character between that none of it holds.
const userText = `concat_ws(E'\x01', account, phone, email, first_name, surname, display_name) COLLATE "C"`
