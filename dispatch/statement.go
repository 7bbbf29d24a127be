package dispatch

import (
	"github.com/jackc/pgx/v5"

	"muster"
)

const (
	turnQueue = "turns"
	turnKind  = "turn"
	quietKind = "quiet-turn" // of [muster.LaneQuiet], which is 3

	priorityFirst = 1 // of a lane that was idle
	priorityAgain = 2
)

// insertTurns ends a statement that makes jobs, one for each row (tenant, lane, job, priority, pause) of its part next. River
// fetches what is available and due; a job that were scheduled instead would wait for its leader to look, every 5 s.
const insertTurns = `INSERT INTO river_job (id, kind, queue, args, priority, max_attempts, state, scheduled_at)
	SELECT job, CASE lane WHEN 3 THEN '` + quietKind + `' ELSE '` + turnKind + `' END, '` + turnQueue + `',
		jsonb_build_object('tenant', tenant, 'lane', lane), priority, 1, 'available', clock_timestamp() + pause * interval '1 microsecond' FROM next`

const (
	// wakeLane counts the lane's row up, or makes it and a job.
	wakeLane = `WITH woken AS (
			INSERT INTO turns AS t (tenant, lane, job) VALUES ($1, $2, nextval('river_job_id_seq'))
			ON CONFLICT (tenant, lane) DO UPDATE SET wakes = t.wakes + 1 RETURNING tenant, lane, job, wakes),
		next AS (SELECT tenant, lane, job, 1 AS priority, 0 AS pause FROM woken WHERE wakes = 0)
		` + insertTurns

	// addLanes makes row and job of the lanes that have none.
	addLanes = `WITH added AS (
			INSERT INTO turns (tenant, lane, job)
			SELECT tenant, lane, nextval('river_job_id_seq') FROM unnest($1::bigint[], $2::smallint[]) AS n(tenant, lane)
			ORDER BY tenant, lane ON CONFLICT DO NOTHING RETURNING tenant, lane, job),
		next AS (SELECT tenant, lane, job, 1 AS priority, 0 AS pause FROM added)
		` + insertTurns

	selectTurn = `SELECT wakes, faults, waits FROM turns WHERE tenant = $1 AND lane = $2 AND job = $3`

	// Losing the end of a turn with the server loses nothing else: the lane then has a job of a node that does not run it.
	commitLater = `SELECT set_config('synchronous_commit', 'off', true)`
	// lockTurn makes whoever wakes the lane wait, so that endTurn, whose parts all see what was before it, sees all wakes.
	lockTurn = `SELECT FROM turns WHERE tenant = $1 AND lane = $2 AND job = $3 FOR UPDATE`
	// endTurn replaces the job, or ends it and the row if there is no more to do ($4) and nobody woke the lane since it had $5
	// wakes. $6 to $9 are faults, waits, priority and pause in microseconds of the next turn.
	endTurn = `WITH idle AS (
			DELETE FROM turns WHERE tenant = $1 AND lane = $2 AND job = $3 AND NOT $4 AND wakes = $5),
		replaced AS (
			UPDATE turns SET job = nextval('river_job_id_seq'), faults = $6, waits = $7
			WHERE tenant = $1 AND lane = $2 AND job = $3 AND ($4 OR wakes <> $5) RETURNING tenant, lane, job),
		gone AS (DELETE FROM river_job WHERE id = $3),
		next AS (SELECT tenant, lane, job, $8::smallint AS priority, $9::bigint AS pause FROM replaced)
		` + insertTurns

	selectWaiting = `SELECT EXISTS (SELECT FROM river_job
		WHERE state = 'available' AND queue = '` + turnQueue + `' AND scheduled_at <= clock_timestamp())`

	upsertNode = `INSERT INTO nodes (owner, seen_at) VALUES ($1, clock_timestamp())
		ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at`
	deleteNodes = `DELETE FROM nodes WHERE seen_at < clock_timestamp() - interval '1 day'`

	// rescueTurns gives another job to lanes whose job is neither available nor with a node that was seen in the last $2 microseconds.
	// The node $1 itself says which jobs it runs ($3), but for those that it may just be getting: of a fetch whose answer was
	// lost it knows nothing.
	rescueTurns = `WITH lost AS MATERIALIZED (
			SELECT t.tenant, t.lane, t.job FROM turns AS t LEFT JOIN river_job AS j ON j.id = t.job
			LEFT JOIN nodes AS n ON n.owner = j.attempted_by[cardinality(j.attempted_by)]
			WHERE j.id IS NULL OR j.state NOT IN ('available', 'running') OR j.state = 'running'
				AND (n.owner IS NULL OR n.seen_at < clock_timestamp() - $2::bigint * interval '1 microsecond'
					OR n.owner = $1 AND j.attempted_at < clock_timestamp() - $2::bigint * interval '1 microsecond' AND j.id <> ALL ($3::bigint[]))),
		taken AS (
			SELECT t.tenant, t.lane, t.job AS lost FROM lost AS l
			JOIN turns AS t ON t.tenant = l.tenant AND t.lane = l.lane AND t.job = l.job FOR UPDATE OF t SKIP LOCKED),
		replaced AS (
			UPDATE turns AS t SET job = nextval('river_job_id_seq') FROM taken AS k
			WHERE t.tenant = k.tenant AND t.lane = k.lane RETURNING t.tenant, t.lane, t.job, k.lost),
		gone AS (DELETE FROM river_job AS j USING replaced AS r WHERE j.id = r.lost),
		next AS (SELECT tenant, lane, job, 1 AS priority, 0 AS pause FROM replaced)
		` + insertTurns

	// rescueRounds forgets rounds of nodes that are gone, which would keep others from being made.
	rescueRounds = `DELETE FROM river_job AS j WHERE j.queue = '` + roundQueue + `' AND j.state = 'running' AND NOT EXISTS (
			SELECT FROM nodes AS n WHERE n.owner = j.attempted_by[cardinality(j.attempted_by)]
			AND n.seen_at >= clock_timestamp() - $1::bigint * interval '1 microsecond')`

	selectFaulty = `SELECT tenant, lane FROM turns WHERE faults > 0`

	// notify tells nodes that there are turns, as River's own inserts do.
	notify = `SELECT pg_notify(concat(current_schema(), '.river_insert'), json_build_object('queue', '` + turnQueue + `')::text)`
)

// WakeIn queues the statement that wakes a lane when the transaction commits that stores work of it. The caller then calls
// [River.Wake], so that the nodes know at once.
func WakeIn(b *pgx.Batch, lane muster.LaneRef) {
	b.Queue(wakeLane, int64(lane.Tenant), int16(lane.Lane))
}
