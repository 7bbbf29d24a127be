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
	lockDirectory
	lockUsage
	selectUsage
	updateUsageApplied
	updateUsageAccepted
	updateUsageSplit
	updateUsageDiscarded
	upsertDay
	selectDays
	deleteDays
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
	pageRoleUsers

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
	selectHistory
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
	selectNumbers

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
		$20::text[], $21::text[], $22::text[], $23::text[]) AS n(id, account, account_key, phone, phone_key, email, email_key, first_name, surname, display_name,
			password_hash, must_change_password, token_epoch, level, disabled, department, capacity_gb, roles, source, display_name_key, full_name_key, surname_key)`

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
	outcomeOfO     = `o.row, o.id, o.result, o.reason, o.field, o.detail, o.user_id, o.subject`

	overlayColumns = `user_id, account_key, phone_key, email_key, gone, data`

	chunkColumns = `c.batch, c.first_row, c.rows, c.first_id, c.first_user, c.payload, c.rank, c.sequence`

	// Locks of the whole database (pg_advisory_xact_lock): "muster" in ASCII, and a number.
	keysLock      = `7887337266164662273`
	migrationLock = `7887337266164662274`
	firstLock     = `7887337266164662275`
)
